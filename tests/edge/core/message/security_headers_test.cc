#include "edge/core/message/security_headers.h"

#include <gtest/gtest.h>

#include <string>

namespace edge::security_headers_test {
namespace {

std::string value_of(const HeaderRules& rules, std::string_view name) {
  std::string all;
  for (const auto& field : rules.appended()) {
    if (field.name == name) all += field.value + "|";
  }
  return all;
}

TEST(SecurityHeaders, AreSetsThatGrow) {
  HeaderRules none;
  add_security_headers(SecurityHeaders::none, Transports::tls_only, none);
  EXPECT_TRUE(none.empty());
  HeaderRules basic;
  add_security_headers(SecurityHeaders::basic, Transports::plain_too, basic);
  EXPECT_EQ(value_of(basic, "X-Content-Type-Options"), "nosniff|");
  EXPECT_EQ(value_of(basic, "X-Frame-Options"), "SAMEORIGIN|");
  EXPECT_EQ(value_of(basic, "Content-Security-Policy"), "");
  EXPECT_EQ(value_of(basic, "Strict-Transport-Security"), "") << "RFC 6797 7.2";
  HeaderRules strict;
  add_security_headers(SecurityHeaders::strict, Transports::tls_only, strict);
  EXPECT_NE(value_of(strict, "Content-Security-Policy").find("default-src 'self'"), std::string::npos);
  EXPECT_EQ(value_of(strict, "Strict-Transport-Security"), "max-age=31536000|");
}

TEST(SecurityHeaders, ReplaceWhatAServerSaysAndYieldToRules) {
  HeaderRules rules;
  add_security_headers(SecurityHeaders::basic, Transports::plain_too, rules);
  EXPECT_TRUE(rules.drops({"X-Frame-Options", "ALLOWALL"}));
  rules.apply({.op = HeaderRule::Op::set, .name = "x-frame-options", .value = "DENY"});
  EXPECT_EQ(value_of(rules, "X-Frame-Options") + value_of(rules, "x-frame-options"), "DENY|");
}

}  // namespace
}  // namespace edge::security_headers_test
