#include "edge/core/pool/request_key.h"

#include <gtest/gtest.h>

namespace edge::request_key_test {
namespace {

TEST(RequestKey, OfHeaderCookiePathOrClient) {
  Pool pool;
  http::FieldList fields;
  ASSERT_TRUE(fields.push({.name = "X-User", .value = "anna"}));
  ASSERT_TRUE(fields.push({.name = "Cookie", .value = "sid=7; cart=2", .id = http::FieldId::cookie}));
  const auto client = *shared::IpAddress::parse("192.0.2.1");
  const auto neighbour = *shared::IpAddress::parse("192.0.2.2");
  const auto key = [&](const shared::IpAddress& who, std::string_view path) {
    return request_key(pool, {.client = who, .fields = fields, .path = path});
  };
  EXPECT_EQ(key(client, "/"), 0U) << "the pool does not hash";
  pool.selector = make_hash_slots("shop", {});
  EXPECT_NE(key(client, "/"), key(neighbour, "/"));
  pool.hash_key = {.kind = HashKey::Kind::header, .name = "x-user"};
  EXPECT_EQ(key(client, "/"), key(neighbour, "/x"));
  http::FieldList others;
  ASSERT_TRUE(others.push({.name = "X-Other", .value = "anna"}));
  ASSERT_TRUE(others.push({.name = "Cookie", .value = "sid=7; cart=2", .id = http::FieldId::cookie}));
  ASSERT_TRUE(others.push({.name = "X-User", .value = "bert"}));
  EXPECT_NE(request_key(pool, {.client = client, .fields = others, .path = "/"}), key(client, "/"));
  pool.hash_key = {.kind = HashKey::Kind::cookie, .name = "sid"};
  const std::uint64_t by_cookie = key(client, "/");
  EXPECT_EQ(by_cookie, key(neighbour, "/x"));
  pool.hash_key = {.kind = HashKey::Kind::cookie, .name = "nothing"};
  EXPECT_NE(key(client, "/"), key(neighbour, "/")) << "without it the client decides";
  pool.hash_key = {.kind = HashKey::Kind::path, .name = ""};
  EXPECT_EQ(key(client, "/a"), key(neighbour, "/a"));
  EXPECT_NE(key(client, "/a"), key(client, "/b"));
  pool.hash_key = {};
  EXPECT_EQ(key(*shared::IpAddress::parse("2001:db8::1"), "/"), key(*shared::IpAddress::parse("2001:db8::2"), "/"));
}

}  // namespace
}  // namespace edge::request_key_test
