#include "edge/serve/control/operator_words.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace edge {
namespace {

TEST(OperatorWords, ReadBackAsTheyWereWritten) {
  OperatorWords words;
  const shared::WallTime since{std::chrono::seconds(1'700'000'000)};
  words.drain = DrainWord{.reason = "a \"reason\"", .since = since, .expires = since + std::chrono::hours(2)};
  words.set({"web", "10.0.0.1:80"}, {.drain = DrainWord{.reason = {}, .since = since, .expires = {}}, .weight = {}});
  words.set({"web", "a \"quoted\" name:80"}, {.drain = std::nullopt, .weight = 7});
  const auto again = OperatorWords::parse(words.to_json());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, words);
  EXPECT_EQ(again->weights().size(), 1U);
}

TEST(OperatorWords, ForgetWhatSaysNothing) {
  OperatorWords words;
  words.set({"web", "a:80"}, {.drain = DrainWord(), .weight = std::nullopt});
  words.set({"web", "a:80"}, {});
  EXPECT_EQ(words, OperatorWords());
}

TEST(OperatorWords, EndWhenTheirTimeIsOver) {
  const shared::WallTime now{std::chrono::seconds(1'700'000'000)};
  OperatorWords words;
  words.drain = DrainWord{.reason = {}, .since = now, .expires = now + std::chrono::hours(2)};
  const DrainWord short_one{.reason = {}, .since = now, .expires = now + std::chrono::hours(1)};
  words.set({"web", "a:80"}, {.drain = short_one, .weight = 7});
  words.set({"web", "b:80"}, {.drain = DrainWord(), .weight = std::nullopt});
  EXPECT_EQ(words.next_expiry(), now + std::chrono::hours(1));
  EXPECT_TRUE(words.expire(now).empty());
  EXPECT_EQ(words.expire(now + std::chrono::hours(1)), std::vector<std::string>{"web/a:80"});
  EXPECT_EQ(words.of({"web", "a:80"}).weight, 7);
  EXPECT_EQ(words.expire(now + std::chrono::hours(3)), std::vector<std::string>{"the edge"});
  EXPECT_FALSE(words.next_expiry());
  EXPECT_TRUE(words.of({"web", "b:80"}).drain) << "it was given no end";
}

TEST(OperatorWords, ReadWhatAnEarlierVersionHasKept) {
  const auto words =
      OperatorWords::parse(R"({"draining": true, "servers": [{"pool": "web", "server": "a:80", "draining": true}]})");
  ASSERT_TRUE(words);
  EXPECT_TRUE(words->drain);
  EXPECT_TRUE(words->of({"web", "a:80"}).drain);
}

TEST(OperatorWords, RefuseWhatIsNotTheirs) {
  for (const char* bad :
       {"", "[]", "{}", R"({"servers": 1})", R"({"servers": [1]})", R"({"servers": [{"pool": "x"}]})"}) {
    EXPECT_FALSE(OperatorWords::parse(bad)) << bad;
  }
  const auto odd = OperatorWords::parse(R"({"servers": [{"pool": "web", "server": "a:80", "weight": 999}]})");
  ASSERT_TRUE(odd);
  EXPECT_TRUE(odd->weights().empty()) << "a weight that no option allows";
}

}  // namespace
}  // namespace edge
