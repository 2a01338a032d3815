#include "edge/core/cache/freshness.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/edge/core/cache/parsed.h"

namespace edge::freshness_test {
namespace {

constexpr http::UnixSeconds kNow = 1'000'000'000;
const shared::TimePoint kHeard = shared::TimePoint{} + shared::seconds(1000);

std::string at(http::UnixSeconds offset) { return std::string(http::write_date(kNow + offset).view()); }

struct AgeCase {
  std::string lines;
  Delta age;
};

// RFC 9111 4.2.3 and 5.1.
TEST(Freshness, TakesTheFirstAgeThatIsANumber) {
  for (const AgeCase& one : {AgeCase{"Age: 30\r\n", 30},
                             {"Age: 7200, 0\r\n", 7200},
                             {"Age: 0, 7200\r\n", 0},
                             {"Age: 7200\r\nAge: 0\r\n", 7200},
                             {"Age: 0\r\nAge: 7200\r\n", 0},
                             {"Age: abc\r\n", 0},
                             {"Age: -7200\r\n", 0},
                             {"Age: 7200.0\r\n", 0},
                             {"Age: 2147483649\r\n", kMaxDelta},
                             {"Date: " + at(-100) + "\r\n", 100},
                             {"Date: " + at(-100) + "\r\nAge: 30\r\n", 100},
                             {"Date: " + at(100) + "\r\n", 0},
                             {"Date: never\r\n", 0}}) {
    const ParsedResponse response(one.lines);
    const FetchTimes times{.asked = kHeard, .heard = kHeard, .heard_at = kNow};
    EXPECT_EQ(initial_age(response.head.fields, times), one.age) << one.lines;
  }
}

TEST(Freshness, CountsTheTimeThatAnAnswerTook) {
  const ParsedResponse response("Age: 30\r\n");
  const FetchTimes times{.asked = kHeard - shared::seconds(5), .heard = kHeard, .heard_at = kNow};
  EXPECT_EQ(initial_age(response.head.fields, times), 35U);
}

struct LifetimeCase {
  std::string lines;
  Delta seconds;
  FreshnessSource source;
};

// RFC 9111 4.2.1.
TEST(Freshness, TakesTheStrongestWordForALifetime) {
  const std::string date = "Date: " + at(0) + "\r\n";
  for (const LifetimeCase& one :
       {LifetimeCase{"", 0, FreshnessSource::none},
        {"Cache-Control: max-age=1, s-maxage=3600\r\n", 3600, FreshnessSource::directive},
        {"Cache-Control: s-maxage=1\r\nCache-Control: max-age=3600\r\n", 1, FreshnessSource::directive},
        {date + "Cache-Control: max-age=3600\r\nExpires: " + at(-7200) + "\r\n", 3600, FreshnessSource::directive},
        {date + "Cache-Control: max-age=0\r\nExpires: " + at(3600) + "\r\n", 0, FreshnessSource::directive},
        {date + "Expires: " + at(3600) + "\r\n", 3600, FreshnessSource::expires},
        {"Date: " + at(-100) + "\r\nExpires: " + at(3600) + "\r\n", 3700, FreshnessSource::expires},
        {"Expires: " + at(3600) + "\r\n", 3600, FreshnessSource::expires},
        {"Expires: 0\r\n", 0, FreshnessSource::expires},
        {"Expires: " + at(3600) + "\r\nExpires: " + at(7200) + "\r\n", 0, FreshnessSource::expires},
        {"Expires: Sun, 09 Sep 2001 02:46:40 UTC\r\n", 0, FreshnessSource::expires},
        {"CDN-Cache-Control: foo\r\nExpires: " + at(3600) + "\r\n", 0, FreshnessSource::none}}) {
    const ParsedResponse response(one.lines);
    const Lifetime found = lifetime_of(response.head, response_directives(response.head.fields), CacheRule{}, kNow);
    EXPECT_EQ(found.seconds, one.seconds) << one.lines;
    EXPECT_EQ(found.source, one.source) << one.lines;
  }
}

TEST(Freshness, AsksTheRuleWhereTheServerSaysNothing) {
  CacheRule rule;
  rule.ttl = {{200, 60}, {404, 5}};
  const ParsedResponse silent("", 404);
  EXPECT_EQ(lifetime_of(silent.head, {}, rule, kNow).seconds, 5U);
  const ParsedResponse said("Cache-Control: max-age=1\r\n");
  EXPECT_EQ(lifetime_of(said.head, response_directives(said.head.fields), rule, kNow).seconds, 1U);
  const ParsedResponse other("", 500);
  EXPECT_EQ(lifetime_of(other.head, {}, rule, kNow).source, FreshnessSource::none);
}

// RFC 9111 4.2.2.
TEST(Freshness, GuessesOnlyIfItIsAsked) {
  const std::string lines = "Date: " + at(0) + "\r\nLast-Modified: " + at(-1000) + "\r\n";
  const ParsedResponse response(lines);
  CacheRule rule;
  EXPECT_EQ(lifetime_of(response.head, {}, rule, kNow).source, FreshnessSource::none);
  rule.heuristic = true;
  EXPECT_EQ(lifetime_of(response.head, {}, rule, kNow).seconds, 100U);
  for (const int status : {201, 202, 403, 502, 503, 504, 599}) {
    const ParsedResponse other(lines, status);
    EXPECT_EQ(lifetime_of(other.head, {}, rule, kNow).source, FreshnessSource::none) << status;
  }
  const ParsedResponse open(lines + "Cache-Control: public\r\n", 599);
  EXPECT_EQ(lifetime_of(open.head, response_directives(open.head.fields), rule, kNow).seconds, 100U);
  const ParsedResponse old("Last-Modified: " + at(-100'000'000) + "\r\n");
  EXPECT_EQ(lifetime_of(old.head, {}, rule, kNow).seconds, 86400U);
}

TEST(Freshness, AgesWhileItIsStored) {
  const ParsedResponse response("Cache-Control: max-age=100\r\nAge: 30\r\n");
  const FetchTimes times{.asked = kHeard, .heard = kHeard, .heard_at = kNow};
  const Freshness made = freshness_of(response.head, response_directives(response.head.fields), CacheRule{}, times);
  EXPECT_EQ(made.age(kHeard), 30);
  EXPECT_EQ(made.age(kHeard + shared::seconds(20)), 50);
  EXPECT_EQ(made.ttl(kHeard + shared::seconds(80)), -10);
}

struct StaleCase {
  const char* lines;
  Delta meanwhile;
  Delta at_error;
};

// RFC 5861; RFC 9111 4.2.4, 5.2.2.10.
TEST(Freshness, LetsBeStaleOnlyWhatMayBe) {
  CacheRule rule;
  rule.stale_while_revalidate = 7;
  rule.stale_if_error = 9;
  for (const StaleCase& one : {StaleCase{"Cache-Control: max-age=1\r\n", 7, 9},
                               {"Cache-Control: max-age=1, stale-while-revalidate=3\r\n", 3, 9},
                               {"Cache-Control: max-age=1, stale-if-error=3\r\n", 7, 3},
                               {"Cache-Control: max-age=1, stale-if-error=x\r\n", 7, 0},
                               {"Cache-Control: max-age=1, must-revalidate\r\n", 0, 0},
                               {"Cache-Control: max-age=1, proxy-revalidate, stale-if-error=3\r\n", 0, 0},
                               {"Cache-Control: no-cache, stale-while-revalidate=3\r\n", 0, 0},
                               {"Cache-Control: s-maxage=1\r\n", 0, 0},
                               {"Cache-Control: s-maxage=1, stale-while-revalidate=3\r\n", 3, 0}}) {
    const ParsedResponse response(one.lines);
    const Freshness made = freshness_of(response.head, response_directives(response.head.fields), rule, {});
    EXPECT_EQ(made.stale_while_revalidate, one.meanwhile) << one.lines;
    EXPECT_EQ(made.stale_if_error, one.at_error) << one.lines;
  }
}

}  // namespace
}  // namespace edge::freshness_test
