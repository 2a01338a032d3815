#include "edge/load/readers.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/shared/load/helpers.h"

namespace edge::readers_test {
namespace {

using shared::load::testing::problems_of;
using shared::load::testing::value_of;

// Without an error; what a reader gives beside one is not used.
template <class V>
bool takes(const Reader<V>& reader, const std::string& text) {
  const bool good = problems_of(reader, text).find("error: ") == std::string::npos;
  if (good) {
    EXPECT_TRUE(value_of(reader, text)) << text;
  }
  return good;
}

TEST(Readers, AServersAddressHasAPort) {
  for (const char* good : {"10.0.1.10:8080", "\"[2001:db8::1]:80\"", "api.internal:8080"}) {
    EXPECT_TRUE(takes(server_address(), good)) << good;
  }
  for (const char* wrong : {"10.0.1.10", "10.0.1.10:0", "10.0.1.10:65536", "\"2001:db8::1\"", "\":80\"", "a b:80"}) {
    EXPECT_FALSE(takes(server_address(), wrong)) << wrong;
  }
  const HostAndPort split = split_address("[2001:db8::1]:80");
  EXPECT_EQ(split.host, "2001:db8::1");
  EXPECT_EQ(split.port, 80);
  EXPECT_EQ(split_address("api.internal:8080").host, "api.internal");
}

TEST(Readers, ANameToResolveIsNoAddress) {
  EXPECT_TRUE(takes(server_name(), "backend.internal"));
  EXPECT_FALSE(takes(server_name(), "192.0.2.1"));
  EXPECT_TRUE(takes(service_name(), "_http._tcp.backend.internal"));
  EXPECT_FALSE(takes(service_name(), "backend.internal"));
}

// RFC 6265 section 4.1.1.
TEST(Readers, CookiesAreTokensAndTheirAttributesHoldNoSemicolon) {
  EXPECT_TRUE(takes(cookie_name(), "MERIDIAN_web"));
  EXPECT_FALSE(takes(cookie_name(), "a=b"));
  EXPECT_FALSE(takes(cookie_name(), "\"a b\""));
  EXPECT_TRUE(takes(cookie_text(), "/app"));
  EXPECT_FALSE(takes(cookie_text(), "\"/; Secure\""));
}

TEST(Readers, AHashIsOfOneThing) {
  EXPECT_EQ(value_of(hash_key(), "client")->kind, HashKey::Kind::client);
  EXPECT_EQ(value_of(hash_key(), "path")->kind, HashKey::Kind::path);
  const auto header = value_of(hash_key(), "{header: X-User}");
  ASSERT_TRUE(header);
  EXPECT_EQ(header->kind, HashKey::Kind::header);
  EXPECT_EQ(header->name, "X-User");
  EXPECT_EQ(value_of(hash_key(), "{cookie: sid}")->name, "sid");
  EXPECT_FALSE(takes(hash_key(), "{header: A, cookie: b}"));
  EXPECT_FALSE(takes(hash_key(), "host"));
}

TEST(Readers, AHostHasLowerCaseAndOneStarInFront) {
  for (const char* good : {"shop.example", "\"*.shop.example\"", "localhost"}) EXPECT_TRUE(takes(host_pattern(), good));
  for (const char* wrong : {"Shop.example", "\"shop.*\"", "\"*shop.example\"", "shop.example:80", "\"*.*.example\""}) {
    EXPECT_FALSE(takes(host_pattern(), wrong)) << wrong;
  }
  EXPECT_TRUE(takes(host_header(), "shop.example:8080"));
  EXPECT_FALSE(takes(host_header(), "\"shop.example\\r\\nX: y\""));
}

TEST(Readers, APathIsWrittenAsItIsMatched) {
  for (const char* good : {"/", "/a/", "/a/b", "=/login", "=/"}) EXPECT_TRUE(takes(route_path(), good)) << good;
  for (const char* wrong : {"a", "//a", "/a/../b", "/a/./b", "/%61", "/a?b", "=a", "\"\""}) {
    EXPECT_FALSE(takes(route_path(), wrong)) << wrong;
  }
  EXPECT_TRUE(takes(request_path(), "\"/health?full=1\""));
  EXPECT_FALSE(takes(request_path(), "health"));
  EXPECT_FALSE(takes(request_path(), "\"/a b\""));
}

TEST(Readers, ARangeOfStatusesGoesUpwards) {
  EXPECT_EQ(*value_of(status_range(), "200"), (StatusRange{200, 200}));
  EXPECT_EQ(*value_of(status_range(), "200-399"), (StatusRange{200, 399}));
  for (const char* wrong : {"99", "600", "399-200", "200-", "2xx"}) EXPECT_FALSE(takes(status_range(), wrong)) << wrong;
}

TEST(Readers, ARedirectGoesToAPathOrAUrlWithKnownPlaceholders) {
  for (const char* good : {"\"https://{host}{uri}\"", "/new", "http://other.example/x"}) {
    EXPECT_TRUE(takes(redirect_target(), good)) << good;
  }
  for (const char* wrong : {"\"https://{hots}/\"", "ftp://x", "new", "\"/a\\nb\"", "\"/{\""}) {
    EXPECT_FALSE(takes(redirect_target(), wrong)) << wrong;
  }
}

TEST(Readers, AStarIsAnyValue) {
  const auto read = value_of(conditions(), "{X-Beta: \"1\", X-Any: \"*\"}");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ(read->at(0).value, "1");
  EXPECT_FALSE(read->at(1).value);
  EXPECT_FALSE(takes(conditions(), "{\"X Y\": \"1\"}"));
}

TEST(Readers, HeaderRulesRemoveSetAndAddInThisOrder) {
  const auto read = value_of(header_rules(), "{set: {A: b}, add: {C: d}, remove: [E]}");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->rules.size(), 3U);
  EXPECT_EQ(read->rules[0].op, HeaderRule::Op::remove);
  EXPECT_EQ(read->rules[1].op, HeaderRule::Op::set);
  EXPECT_EQ(read->rules[2].op, HeaderRule::Op::add);
  for (const char* wrong :
       {"{set: {Content-Length: \"1\"}}", "{set: {A: \"b\\r\\nC: d\"}}", "{remove: [Connection]}"}) {
    EXPECT_FALSE(takes(header_rules(), wrong)) << wrong;
  }
}

TEST(Readers, AMethodIsWrittenInCapitals) {
  EXPECT_EQ(value_of(method(), "PATCH"), http::Method::patch);
  EXPECT_FALSE(takes(method(), "get"));
}

}  // namespace
}  // namespace edge::readers_test
