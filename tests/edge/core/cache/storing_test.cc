#include "edge/core/cache/storing.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/edge/core/cache/parsed.h"

namespace edge::storing_test {
namespace {

struct Case {
  int status;
  const char* response;
  const char* request;
  bool stored;
};

std::string_view why_not(const Case& one, const CacheRule& rule) {
  const ParsedResponse response(one.response, one.status);
  const ParsedRequest request(one.request);
  return why_not_stored(request.head.fields, response.head, response_directives(response.head.fields), rule, 1'000'000);
}

bool stores(const Case& one, const CacheRule& rule) { return why_not(one, rule).empty(); }

// RFC 9111 3, 3.5, 5.2.2.
TEST(Storing, FollowsTheRulesOfASharedCache) {
  for (const Case& one : {
           Case{200, "Cache-Control: max-age=60\r\n", "", true},
           {200, "", "", false},
           {200, "ETag: \"a\"\r\n", "", true},
           {599, "Cache-Control: max-age=60\r\n", "", true},
           {499, "Cache-Control: max-age=60\r\n", "", true},
           {201, "ETag: \"a\"\r\n", "", false},
           {206, "Cache-Control: max-age=60\r\n", "", false},
           {304, "Cache-Control: max-age=60\r\n", "", false},
           {416, "Cache-Control: max-age=60\r\n", "", false},
           {200, "Cache-Control: max-age=60, no-store\r\n", "", false},
           {200, "Cache-Control: max-age=60, no-store, must-understand\r\n", "", true},
           {599, "Cache-Control: max-age=60, no-store, must-understand\r\n", "", false},
           {599, "Cache-Control: max-age=60, must-understand\r\n", "", false},
           {200, "Cache-Control: max-age=60, private\r\n", "", false},
           {200, "Cache-Control: max-age=60, private=\"a\"\r\n", "", true},
           {200, "Cache-Control: no-cache\r\n", "", false},
           {200, "Cache-Control: no-cache\r\nETag: \"a\"\r\n", "", true},
           {200, "Cache-Control: max-age=0\r\n", "", false},
           {200, "Cache-Control: max-age=0, stale-if-error=9\r\n", "", true},
           {200, "Cache-Control: max-age=60\r\nVary: *\r\n", "", false},
           {200, "Cache-Control: max-age=60\r\nVary: Foo\r\n", "", true},
           {200, "Cache-Control: max-age=60\r\nVary: Foo, X-Bar\r\n", "x_bar: 1\r\n", false},
           {200, "Cache-Control: max-age=60\r\nVary: X-Bar\r\n", "x-bar: 1\r\nX_Other: 1\r\n", true},
           {200, "Cache-Control: max-age=60\r\nSet-Cookie: a=b\r\n", "", false},
           {200, "Cache-Control: max-age=60\r\n", "Cookie: a=b\r\n", true},
           {200, "Cache-Control: max-age=60\r\n", "Authorization: FOO\r\n", false},
           {200, "Expires: Thu, 18 Aug 2050 02:01:18 GMT\r\n", "Authorization: FOO\r\n", false},
           {200, "Cache-Control: max-age=60, public\r\n", "Authorization: FOO\r\n", true},
           {200, "Cache-Control: max-age=60, must-revalidate\r\n", "Authorization: FOO\r\n", true},
           {200, "Cache-Control: s-maxage=60\r\n", "Authorization: FOO\r\n", true},
           {200, "Cache-Control: max-age=60\r\n", "X-Api-Key: FOO\r\n", false},
           {200, "Cache-Control: max-age=60, public\r\n", "X-Api-Key: FOO\r\n", true},
           {200, "Cache-Control: s-maxage=60\r\n", "X-Api-Key: FOO\r\n", true},
           {200, "Cache-Control: max-age=60\r\nVary: Accept, X-API-Key\r\n", "X-Api-Key: FOO\r\n", true},
           {200, "Cache-Control: max-age=60\r\nVary: X-API-Key-Id\r\n", "X-Api-Key: FOO\r\n", false},
           {200, "Cache-Control: no-store\r\nCDN-Cache-Control: max-age=60\r\n", "", true},
       }) {
    EXPECT_EQ(stores(one, CacheRule{}), one.stored) << one.status << " " << one.response << one.request;
  }
}

// What the server says of its response to everybody comes first: that others may not have it either.
TEST(Storing, TellsWhoHasAskedFromWhatWasSaid) {
  struct {
    const char* response;
    const char* request;
    bool for_one;
  } const cases[] = {
      {"Cache-Control: max-age=60\r\n", "", false},
      {"Cache-Control: max-age=60\r\n", "Authorization: FOO\r\n", true},
      {"Cache-Control: max-age=60\r\n", "X-Api-Key: FOO\r\n", true},
      {"ETag: \"a\"\r\n", "Authorization: FOO\r\n", true},
      {"Cache-Control: max-age=60, public\r\n", "Authorization: FOO\r\nX-Api-Key: FOO\r\n", false},
      {"Cache-Control: no-store\r\n", "", false},
      {"Cache-Control: no-store\r\n", "Authorization: FOO\r\n", false},
      {"Cache-Control: private\r\n", "X-Api-Key: FOO\r\n", false},
      {"Cache-Control: max-age=60\r\nVary: *\r\n", "", false},
  };
  for (const auto& one : cases) {
    const std::string_view why = why_not({200, one.response, one.request, false}, CacheRule{});
    EXPECT_EQ(is_for_one_client(why), one.for_one) << why << ": " << one.response << one.request;
  }
}

TEST(Storing, AsksTheRuleAboutCookiesAndLifetimes) {
  CacheRule rule;
  rule.set_cookie = CookiePolicy::strip;
  rule.ttl = {{200, 60}};
  EXPECT_TRUE(stores({200, "Cache-Control: max-age=60\r\nSet-Cookie: a=b\r\n", "", true}, rule));
  EXPECT_TRUE(stores({200, "", "", true}, rule));
  EXPECT_FALSE(stores({404, "", "", true}, rule));
}

TEST(Storing, KeepsWhatAKeyIsToldWhereKeysAreToldApart) {
  const Case one{200, "Cache-Control: max-age=60\r\n", "X-Api-Key: FOO\r\n", true};
  CacheRule rule;
  rule.key = {{.kind = CacheKeyPart::Kind::cookie, .name = "X-Api-Key"}};
  EXPECT_FALSE(stores(one, rule));
  rule.key = {{.kind = CacheKeyPart::Kind::header, .name = "x-api-key"}};
  EXPECT_TRUE(stores(one, rule));
}

TEST(Storing, KeepsNoSessionThatAServerNamesInAField) {
  const Case named{200, "Cache-Control: max-age=60\r\nX-Session: abc\r\n", "", false};
  CacheRule rule;
  EXPECT_TRUE(stores(named, rule));
  rule.session_field = "x-session";
  EXPECT_FALSE(stores(named, rule));
  EXPECT_TRUE(stores({200, "Cache-Control: max-age=60\r\n", "", true}, rule));
}

}  // namespace
}  // namespace edge::storing_test
