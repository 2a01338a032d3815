#include "edge/core/cache/cache_control.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/edge/core/cache/parsed.h"

namespace edge::cache_control_test {
namespace {

TEST(CacheControl, ReadsDeltasToTheEndOfThirtyOneBits) {
  EXPECT_EQ(parse_delta("0"), 0U);
  EXPECT_EQ(parse_delta("003600"), 3600U);
  EXPECT_EQ(parse_delta("2147483648"), kMaxDelta);
  EXPECT_EQ(parse_delta("99999999999999999999999999"), kMaxDelta);
  for (const char* none : {"", "-1", "1.0", "1a", "a1", "'1'", " 1", "+1"}) EXPECT_FALSE(parse_delta(none)) << none;
}

struct MaxAgeCase {
  const char* lines;
  bool given;
  Delta seconds;
};

// RFC 9111 4.2.1 and 5.2.2.1: what is garbled or contradicts itself is stale.
TEST(CacheControl, ReadsMaxAgeStrictly) {
  for (const MaxAgeCase& one : {
           MaxAgeCase{"Cache-Control: max-age=3600\r\n", true, 3600},
           {"Cache-Control: MaX-aGe=3600\r\n", true, 3600},
           {"Cache-Control: max-age=\"3600\"\r\n", true, 3600},
           {"Cache-Control: foobar, max-age=3600\r\n", true, 3600},
           {"Cache-Control: ,, max-age=3600 , \r\n", true, 3600},
           {"Cache-Control: max-age=3600, max-age=3600\r\n", true, 3600},
           {"Cache-Control: max-age=99999999999\r\n", true, kMaxDelta},
           {"Cache-Control: extension=\"max-age=3600\", max-age=1\r\n", true, 1},
           {"Cache-Control: max-age=1, extension=\"max-age=3600\"\r\n", true, 1},
           {"Cache-Control: extension=\"a\\\", max-age=3600\", max-age=1\r\n", true, 1},
           {"Cache-Control: max-age=1800, max-age=1\r\n", true, 0},
           {"Cache-Control: max-age=1\r\nCache-Control: max-age=1800\r\n", true, 0},
           {"Cache-Control: max-age='3600'\r\n", true, 0},
           {"Cache-Control: max-age=-3600\r\n", true, 0},
           {"Cache-Control: max-age=3600.5\r\n", true, 0},
           {"Cache-Control: max-age=a3600\r\n", true, 0},
           {"Cache-Control: max-age=3600a\r\n", true, 0},
           {"Cache-Control: max-age =3600\r\n", true, 0},
           {"Cache-Control: max-age= 3600\r\n", true, 0},
           {"Cache-Control: max-age\r\n", true, 0},
           {"Cache-Control: max-age=\r\n", true, 0},
           {"Cache-Control: x-max-age=3600\r\n", false, 0},
           {"Cache-Control: =3600\r\n", false, 0},
       }) {
    const ParsedResponse response(one.lines);
    const ResponseDirectives found = response_directives(response.head.fields);
    EXPECT_EQ(found.max_age, (DeltaDirective{one.given, one.seconds})) << one.lines;
  }
}

TEST(CacheControl, ReadsWordsWithoutRegardToCase) {
  const ParsedResponse response(
      "Cache-Control: No-StOrE, PRIVATE\r\nCache-Control: No-CaChE, must-understand, public\r\n");
  const ResponseDirectives found = response_directives(response.head.fields);
  EXPECT_TRUE(found.no_store && found.is_private && found.no_cache && found.must_understand && found.is_public);
  EXPECT_FALSE(found.must_revalidate || found.proxy_revalidate || found.targeted);
}

TEST(CacheControl, HoldsWhatIsRestrictedEvenIfItIsGarbled) {
  const ParsedResponse response("Cache-Control: no-store=1, private =x, no-cache=\"a\"b\r\n");
  const ResponseDirectives found = response_directives(response.head.fields);
  EXPECT_TRUE(found.no_store && found.is_private && found.no_cache);
}

TEST(CacheControl, DoesNotStoreBehindAStringWithoutAnEnd) {
  const ParsedResponse response("Cache-Control: max-age=60, a=\"b, no-store\r\n");
  EXPECT_TRUE(response_directives(response.head.fields).no_store);
}

TEST(CacheControl, OmitsTheFieldsThatAreNamed) {
  const ParsedResponse response("Cache-Control: no-cache=\"A, b\", private=\"c\", max-age=60\r\n");
  const ResponseDirectives found = response_directives(response.head.fields);
  EXPECT_FALSE(found.no_cache || found.is_private);
  EXPECT_TRUE(found.omits("a") && found.omits("B") && found.omits("c"));
  EXPECT_FALSE(found.omits("d"));
}

struct TargetedCase {
  const char* lines;
  bool targeted;
  Delta max_age;
  bool no_store;
};

// RFC 9213: the targeted field overrules, unless it is no dictionary or a type is wrong.
TEST(CacheControl, PrefersTheTargetedFieldWhereItIsWellFormed) {
  for (const TargetedCase& one : {
           TargetedCase{"CDN-Cache-Control: max-age=3600\r\n", true, 3600, false},
           {"CDN-Cache-Control: foobar, max-age=3600\r\n", true, 3600, false},
           {"CDN-Cache-Control: max-age=99999999999\r\n", true, kMaxDelta, false},
           {"CDN-Cache-Control: max-age=1, max-age=5\r\n", true, 5, false},
           {"Cache-Control: no-store\r\nCDN-Cache-Control: max-age=9\r\n", true, 9, false},
           {"Cache-Control: max-age=9\r\nCDN-Cache-Control: no-store\r\n", true, 0, true},
           {"Cache-Control: no-store\r\nCDN-Cache-Control: max-age=10000, &&&&&\r\n", false, 0, true},
           {"Cache-Control: no-store\r\nCDN-Cache-Control: max-age=\"10000\"\r\n", false, 0, true},
           {"Cache-Control: max-age=1\r\nCDN-Cache-Control: max-age =100\r\n", false, 1, false},
           {"Cache-Control: max-age=1\r\nCDN-Cache-Control: max-age= 100\r\n", false, 1, false},
           {"Cache-Control: max-age=1\r\nCDN-Cache-Control: MaX-aGe=100\r\n", false, 1, false},
           {"Cache-Control: max-age=1\r\nCDN-Cache-Control: max-age=-5\r\n", false, 1, false},
           {"Cache-Control: max-age=1\r\nCDN-Cache-Control: max-age=100,\r\n", false, 1, false},
           {"Cache-Control: max-age=1\r\nCDN-Cache-Control: \r\n", false, 1, false},
       }) {
    const ParsedResponse response(one.lines);
    const ResponseDirectives found = response_directives(response.head.fields);
    EXPECT_EQ(found.targeted, one.targeted) << one.lines;
    EXPECT_EQ(found.max_age.seconds, one.max_age) << one.lines;
    EXPECT_EQ(found.no_store, one.no_store) << one.lines;
  }
}

TEST(CacheControl, ReadsWhatRequestsSay) {
  const ParsedRequest request(
      "Cache-Control: no-cache, max-age=0, min-fresh=5, max-stale, only-if-cached, no-store\r\n");
  const RequestDirectives found = request_directives(request.head.fields);
  EXPECT_TRUE(found.no_cache && found.no_store && found.only_if_cached && found.any_stale);
  EXPECT_EQ(found.max_age, (DeltaDirective{true, 0}));
  EXPECT_EQ(found.min_fresh, (DeltaDirective{true, 5}));
  const ParsedRequest stale("Cache-Control: max-stale=7\r\n");
  EXPECT_EQ(request_directives(stale.head.fields).max_stale, (DeltaDirective{true, 7}));
  EXPECT_FALSE(request_directives(stale.head.fields).any_stale);
}

TEST(CacheControl, HearsPragmaWhereThereIsNoCacheControl) {
  const ParsedRequest alone("Pragma: foo, No-Cache\r\n");
  EXPECT_TRUE(request_directives(alone.head.fields).no_cache);
  const ParsedRequest beside("Pragma: no-cache\r\nCache-Control: max-stale\r\n");
  EXPECT_FALSE(request_directives(beside.head.fields).no_cache);
}

}  // namespace
}  // namespace edge::cache_control_test
