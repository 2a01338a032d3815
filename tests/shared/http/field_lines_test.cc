#include "shared/http/field_lines.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/shared/http/parse.h"

namespace http::field_lines_test {
namespace {

bool ambiguous(const std::string& fields, std::string_view name) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  const RequestHead head = testing::request(text);
  return is_ambiguous(head.fields, name);
}

TEST(FieldLines, OneLineSaysOneThing) {
  EXPECT_FALSE(ambiguous("", "X-Tenant"));
  EXPECT_FALSE(ambiguous("X-Tenant: a\r\nX-Tenants: b\r\n", "x-tenant"));
  EXPECT_FALSE(ambiguous("X_Tenant: a\r\n", "X_Tenant"));
}

TEST(FieldLines, TwoLinesOrATwinMaySayAnother) {
  EXPECT_TRUE(ambiguous("X-Tenant: a\r\nA: b\r\nx-tenant: b\r\n", "X-Tenant"));
  EXPECT_TRUE(ambiguous("X-Tenant: a\r\nX-Tenant: a\r\nX-Tenant: A\r\n", "X-Tenant"));
  EXPECT_TRUE(ambiguous("X-Tenant: a\r\nX_Tenant: b\r\n", "X-Tenant"));
  EXPECT_TRUE(ambiguous("X_Tenant: b\r\nX-Tenant: a\r\n", "X-Tenant"));
  EXPECT_TRUE(ambiguous("X_Tenant: a\r\n", "X-Tenant")) << "for whom the two are one it is there";
}

// As two proxies in a row write it.
TEST(FieldLines, TwiceTheSameIsOneThing) {
  EXPECT_FALSE(ambiguous("X-Forwarded-Proto: https\r\nA: b\r\nx-forwarded-proto: https\r\n", "X-Forwarded-Proto"));
  EXPECT_FALSE(ambiguous("X_Tenant: a\r\nX-Tenant: a\r\n", "X-Tenant"));
  EXPECT_TRUE(ambiguous("X_Tenant: a\r\nX_Tenant: a\r\n", "X-Tenant")) << "whoever tells the two apart reads nothing";
}

TEST(FieldLines, ListsMayStandOnSeveralLines) {
  EXPECT_FALSE(ambiguous("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n", "X-Forwarded-For"));
  EXPECT_TRUE(may_have_lines("accept-language"));
  EXPECT_TRUE(may_have_lines("Accept"));
  EXPECT_FALSE(ambiguous("Prefer: respond-async\r\nprefer: wait=10\r\n", "Prefer"))
      << "as clients send it (RFC 7240 2)";
  EXPECT_TRUE(may_have_lines("sec-websocket-protocol"));
  EXPECT_FALSE(may_have_lines("Acceptance"));
  EXPECT_FALSE(may_have_lines("Accep"));
  EXPECT_FALSE(may_have_lines("X-Api-Key"));
}

}  // namespace
}  // namespace http::field_lines_test
