#include "edge/serve/control/operator_words.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace edge::operator_words_test {
namespace {

TEST(OperatorWords, ReadBackAsTheyWereWritten) {
  OperatorWords words;
  const shared::WallTime since{std::chrono::seconds(1'700'000'000)};
  words.drain = OperatorWord{.reason = "a \"reason\"", .since = since, .expires = since + std::chrono::hours(2)};
  words.set({"web", "10.0.0.1:80"}, {.drain = OperatorWord{.reason = {}, .since = since, .expires = {}}, .weight = {}});
  words.set({"web", "a \"quoted\" name:80"},
            {.drain = std::nullopt, .weight = WeightWord{.weight = 7, .word = *words.drain}});
  const auto again = OperatorWords::parse(words.to_json());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, words);
  EXPECT_EQ(again->weights().size(), 1U);
}

TEST(OperatorWords, ForgetWhatSaysNothing) {
  OperatorWords words;
  words.set({"web", "a:80"}, {.drain = OperatorWord(), .weight = std::nullopt});
  words.set({"web", "a:80"}, {});
  EXPECT_EQ(words, OperatorWords());
}

TEST(OperatorWords, EndWhenTheirTimeIsOver) {
  const shared::WallTime now{std::chrono::seconds(1'700'000'000)};
  OperatorWords words;
  words.drain = OperatorWord{.reason = {}, .since = now, .expires = now + std::chrono::hours(2)};
  const OperatorWord short_one{.reason = {}, .since = now, .expires = now + std::chrono::hours(1)};
  const OperatorWord long_one{.reason = {}, .since = now, .expires = now + std::chrono::minutes(90)};
  words.set({"web", "a:80"}, {.drain = short_one, .weight = WeightWord{.weight = 7, .word = long_one}});
  words.set({"web", "b:80"}, {.drain = OperatorWord(), .weight = std::nullopt});
  EXPECT_EQ(words.next_expiry(), now + std::chrono::hours(1));
  EXPECT_TRUE(words.expire(now).empty());
  using Ended = OperatorWords::Ended;
  const OperatorWords::ServerKey a{"web", "a:80"};
  EXPECT_EQ(words.expire(now + std::chrono::hours(1)), (std::vector<Ended>{{Ended::What::server_drain, a}}));
  EXPECT_FALSE(words.of(a).drain);
  EXPECT_EQ(words.weights(), (std::map<OperatorWords::ServerKey, std::uint16_t>{{a, 7}}))
      << "the weight has its own end";
  EXPECT_EQ(words.next_expiry(), long_one.expires);
  EXPECT_EQ(words.expire(*long_one.expires), (std::vector<Ended>{{Ended::What::server_weight, a}}));
  EXPECT_TRUE(words.weights().empty());
  EXPECT_EQ(words.expire(now + std::chrono::hours(3)), (std::vector<Ended>{{Ended::What::edge_drain, {}}}));
  EXPECT_FALSE(words.next_expiry());
  EXPECT_TRUE(words.of({"web", "b:80"}).drain) << "it was given no end";
}

TEST(OperatorWords, ReadWhatAnEarlierVersionHasKept) {
  const auto words = OperatorWords::parse(
      R"({"draining": true, "servers": [{"pool": "web", "server": "a:80", "draining": true, "weight": 7}]})");
  ASSERT_TRUE(words);
  EXPECT_EQ(words->of({"web", "a:80"}).weight, (WeightWord{.weight = 7, .word = {}}));
  EXPECT_TRUE(words->drain);
  EXPECT_TRUE(words->of({"web", "a:80"}).drain);
}

TEST(OperatorWords, RefuseWhatIsNotTheirs) {
  for (const char* bad : {"", "[]", "{}", R"({"servers": 1})", R"({"servers": [1]})", R"({"servers": [{"pool": "x"}]})",
                          R"({"servers": [{"server": "x"}]})"}) {
    EXPECT_FALSE(OperatorWords::parse(bad)) << bad;
  }
}

TEST(OperatorWords, KeepTheWeightsThatAnOptionAllowsAndNoOthers) {
  const auto kept = [](int weight) {
    const auto words = OperatorWords::parse(R"({"servers": [{"pool": "web", "server": "a:80", "weight": )" +
                                            std::to_string(weight) + "}]}");
    EXPECT_TRUE(words) << weight;
    return words && words->weights() == std::map<OperatorWords::ServerKey, std::uint16_t>{
                                            {{"web", "a:80"}, static_cast<std::uint16_t>(weight)}};
  };
  for (const int weight : {1, 2, kMaxWeight - 1, int{kMaxWeight}}) EXPECT_TRUE(kept(weight)) << weight;
  for (const int weight : {-1, 0, kMaxWeight + 1, 65536 + 1}) EXPECT_FALSE(kept(weight)) << weight;
}

TEST(OperatorWords, ShowWhyAndSinceWhenAndHowLongTheyHold) {
  const shared::WallTime since{std::chrono::seconds(1'700'000'000)};
  OperatorWord word{.reason = "disk", .since = since, .expires = std::nullopt};
  const auto drained = override_json(word, since);
  EXPECT_EQ(drained.at("state"), "drained");
  EXPECT_EQ(drained.at("reason"), "disk");
  EXPECT_EQ(drained.at("since"), "2023-11-14T22:13:20Z");
  EXPECT_FALSE(drained.contains("expires_in_seconds")) << "it has no end";
  word.expires = since + std::chrono::seconds(90);
  EXPECT_EQ(override_json(word, since + std::chrono::seconds(30)).at("expires_in_seconds"), 60);
  EXPECT_EQ(override_json(word, since + std::chrono::seconds(91)).at("expires_in_seconds"), 0);
  const auto weighted = override_json(WeightWord{.weight = 7, .word = word}, since);
  EXPECT_EQ(weighted.at("weight"), 7);
  EXPECT_EQ(weighted.at("reason"), "disk");
  EXPECT_EQ(weighted.at("expires_in_seconds"), 90);
}

TEST(OperatorWords, TellWhoDrainsAndWhoDoesNoLonger) {
  Pool pool;
  pool.name = "web";
  for (const char* name : {"a:80", "b:80"}) {
    Server& server = pool.servers.emplace_back();
    server.name = name;
    server.id = ServerId{static_cast<std::uint32_t>(pool.servers.size() - 1)};
  }
  const Pools pools({pool});
  Live live;
  for (const Server& server : pool.servers) live.reserve(server.id);
  const auto drains = [&](std::uint32_t server) { return live.server(ServerId{server}).state.draining(); };
  OperatorWords words;
  words.set({"web", "b:80"}, {.drain = OperatorWord(), .weight = std::nullopt});
  words.set({"other", "a:80"}, {.drain = OperatorWord(), .weight = std::nullopt});
  words.apply(pools, live);
  EXPECT_FALSE(drains(0)) << "it is another pool's";
  EXPECT_TRUE(drains(1));
  words.set({"web", "b:80"}, {});
  words.apply(pools, live);
  EXPECT_FALSE(drains(1));
}

}  // namespace
}  // namespace edge::operator_words_test
