#include "edge/core/access/cors.h"

#include <gtest/gtest.h>

#include <string>

namespace edge::cors_test {
namespace {

std::string value_of(const HeaderRules& rules, std::string_view name) {
  for (const auto& field : rules.appended()) {
    if (field.name == name) return field.value;
  }
  return {};
}

http::FieldList from(std::string_view origin, std::string_view asks = {}) {
  http::FieldList fields;
  EXPECT_TRUE(origin.empty() || fields.push({.name = "Origin", .value = origin}));
  EXPECT_TRUE(asks.empty() || fields.push({.name = "access-control-request-method", .value = asks}));
  return fields;
}

HeaderRules base() {
  HeaderRules rules;
  rules.apply({.op = HeaderRule::Op::set, .name = "X-All", .value = "1"});
  return rules;
}

TEST(Cors, NamesTheOriginThatMayAndVariesByIt) {
  const Cors cors({.origins = {"https://a.example", "https://b.example"}, .expose = {"X-Id"}, .credentials = true},
                  base());
  const HeaderRules& a = cors.rules_for(from("https://a.example"));
  EXPECT_EQ(value_of(a, "Access-Control-Allow-Origin"), "https://a.example");
  EXPECT_EQ(value_of(a, "Access-Control-Allow-Credentials"), "true");
  EXPECT_EQ(value_of(a, "Access-Control-Expose-Headers"), "X-Id");
  EXPECT_EQ(value_of(a, "Vary"), "Origin");
  EXPECT_EQ(value_of(a, "X-All"), "1");
  EXPECT_TRUE(a.drops({"access-control-allow-origin", "*"})) << "a server's own would be a second one";
  for (const char* other : {"", "https://evil.example", "https://a.example.evil", "null"}) {
    const HeaderRules& rules = cors.rules_for(from(other));
    EXPECT_EQ(value_of(rules, "Access-Control-Allow-Origin"), "") << other;
    EXPECT_EQ(value_of(rules, "Vary"), "Origin") << "a cache must not give it to the one who may";
  }
}

TEST(Cors, AnswersPreflights) {
  const Cors cors({.origins = {"https://a.example"}, .methods = {"GET", "PUT"}, .headers = {"X-A", "X-B"}}, base());
  const HeaderRules& rules = cors.preflight_rules_for(from("https://a.example", "PUT"));
  EXPECT_EQ(value_of(rules, "Access-Control-Allow-Methods"), "GET, PUT");
  EXPECT_EQ(value_of(rules, "Access-Control-Allow-Headers"), "X-A, X-B");
  EXPECT_EQ(value_of(rules, "Access-Control-Max-Age"), "600");
  EXPECT_EQ(value_of(cors.preflight_rules_for(from("https://b.example", "PUT")), "Access-Control-Allow-Methods"), "");
}

TEST(Cors, AnyOriginIsAStar) {
  const Cors cors({.origins = {"*"}}, {});
  EXPECT_EQ(value_of(cors.rules_for(from("https://x.example")), "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(value_of(cors.rules_for(from("https://x.example")), "Vary"), "");
}

TEST(Cors, APreflightHasAMethodAndAnOrigin) {
  EXPECT_TRUE(is_preflight(http::Method::options, from("https://a.example", "PUT")));
  EXPECT_FALSE(is_preflight(http::Method::get, from("https://a.example", "PUT")));
  EXPECT_FALSE(is_preflight(http::Method::options, from("https://a.example")));
  EXPECT_FALSE(is_preflight(http::Method::options, from("", "PUT")));
}

}  // namespace
}  // namespace edge::cors_test
