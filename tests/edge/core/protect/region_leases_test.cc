#include "edge/core/protect/region_leases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace edge::region_leases_test {
namespace {

using shared::milliseconds;
using shared::seconds;
using Grade = RegionShare::Grade;

constexpr shared::TimePoint kStart{std::chrono::hours(5)};
constexpr shared::Duration kLease = seconds(3);
constexpr shared::Duration kInterval = milliseconds(100);

// What the script does, without Redis.
class Ledger {
 public:
  explicit Ledger(double rate) : rate_(rate * 1000) {}

  LeaseAnswer answer(const std::string& edge, const LeaseAsk& ask, std::uint64_t now) {
    edges_[edge] = now;
    LeaseAnswer answer{
        .cursor = now, .edges = static_cast<std::uint32_t>(edges_.size()), .seed = 5, .shares = {}, .hot = {}};
    for (const LeaseAsk::Key& one : ask.keys) answer.shares.push_back(share(edge, one, now));
    for (const auto& [key, since] : hot_) {
      if (since > ask.since) answer.hot.push_back(key);
    }
    return answer;
  }

 private:
  struct Held {
    std::uint32_t share = 0;
    double demand = 0;
  };

  std::uint32_t share(const std::string& edge, const LeaseAsk::Key& asked, std::uint64_t now) {
    auto& holders = held_[asked.key];
    holders.erase(edge);
    if (asked.demand == 0) return 0;
    double all = asked.demand;
    double taken = 0;
    for (const auto& [other, held] : holders) {
      all += held.demand;
      taken += held.share;
    }
    const auto busy = static_cast<double>(holders.size() + 1);
    const double whole = RegionShare::kWhole;
    const double want =
        all < rate_ ? whole * (asked.demand / rate_ + (1 - all / rate_) / busy) : whole * asked.demand / all;
    const auto share = static_cast<std::uint32_t>(std::max<double>(RegionShare::kLeast, std::min(want, whole - taken)));
    holders[edge] = {share, static_cast<double>(asked.demand)};
    hot_.try_emplace(asked.key, now);
    return share;
  }

  double rate_;
  std::map<std::string, std::uint64_t> edges_;
  std::map<std::uint64_t, std::map<std::string, Held>> held_;
  std::map<std::uint64_t, std::uint64_t> hot_;
};

struct Edge {
  explicit Edge(const RateLimitSettings& settings, std::string edge_name) : name(std::move(edge_name)) {
    auto live = lives.of(settings, 5);
    limit = std::make_shared<const RateLimit>(settings, std::move(live), 5);
    limit->live().region->use_seed(5);
    leases = std::make_unique<RegionLeases>(limit);
  }

  LimitRuling ask(const char* client, shared::TimePoint now) {
    const shared::IpAddress address = *shared::IpAddress::parse(client);
    const http::FieldList fields;
    const RateLimits limits{limit};
    return rule(limits, {.client = address, .fields = fields, .tier = {}, .host = "h", .route = "r"}, now,
                Counting::count);
  }
  bool passes(shared::TimePoint now) { return !ask("192.0.2.1", now).refused; }
  [[nodiscard]] RegionShare& share() const { return *limit->live().region; }

  std::string name;
  LimitLives lives;
  std::shared_ptr<const RateLimit> limit;
  std::unique_ptr<RegionLeases> leases;
};

class RegionLeasesTest : public testing::Test {
 protected:
  static RateLimitSettings api(double rate = 100, std::uint32_t burst = 20, std::uint32_t edges = 2) {
    return {.name = "api", .rate = rate, .burst = burst, .scope = LimitScope::region, .edges = edges};
  }

  void exchange(shared::TimePoint now) {
    for (Edge* edge : {&a, &b}) {
      const LeaseAsk ask = edge->leases->ask(now);
      const auto ms = static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(now - kStart).count()) + 1;
      edge->leases->take(ask, ledger.answer(edge->name, ask, ms), now, kLease);
    }
  }

  // Steady demands, in requests a second, for a while; what got in.
  struct Passed {
    int a = 0;
    int b = 0;
  };
  Passed run(shared::TimePoint from, shared::Duration span, int demand_a, int demand_b) {
    Passed passed;
    double due_a = 0;
    double due_b = 0;
    for (shared::TimePoint now = from; now < from + span; now += milliseconds(1)) {
      for (due_a += demand_a / 1000.0; due_a >= 1; --due_a) passed.a += a.passes(now) ? 1 : 0;
      for (due_b += demand_b / 1000.0; due_b >= 1; --due_b) passed.b += b.passes(now) ? 1 : 0;
      if ((now - kStart) % kInterval == shared::Duration{}) exchange(now);
    }
    return passed;
  }

  Edge a{api(), "a"};
  Edge b{api(), "b"};
  Ledger ledger{100};
};

TEST_F(RegionLeasesTest, EveryEdgeGivesAKeyItsBurstWithoutAsking) {
  exchange(kStart);
  for (int i = 1; i <= 21; ++i) EXPECT_TRUE(a.passes(kStart)) << i;
  EXPECT_FALSE(a.passes(kStart));
}

// A client of one edge has the whole rate there, once its key is leased; before that its burst must do.
TEST_F(RegionLeasesTest, AClientOfOneEdgeHasTheWholeRate) {
  exchange(kStart);
  const Passed passed = run(kStart + milliseconds(1), seconds(10), 99, 0);
  EXPECT_GE(passed.a, 985);
}

TEST_F(RegionLeasesTest, AFloodAtBothEdgesIsHeldAtTheLimit) {
  exchange(kStart);
  const Passed passed = run(kStart + milliseconds(1), seconds(10), 400, 400);
  EXPECT_LE(passed.a + passed.b, 1000 + 2 * 21 + 2 * 10) << "a burst each, and two intervals while it becomes hot";
  EXPECT_GE(passed.a + passed.b, 1000 - 20);
  EXPECT_NEAR(passed.a, passed.b, 60);
}

TEST_F(RegionLeasesTest, SharesFollowTheDemand) {
  exchange(kStart);
  run(kStart + milliseconds(1), seconds(5), 300, 100);
  const Passed passed = run(kStart + milliseconds(5001), seconds(10), 300, 100);
  EXPECT_NEAR(passed.a, 750, 40);
  EXPECT_NEAR(passed.b, 250, 40);
  run(kStart + seconds(16), seconds(3), 0, 400);
  const Passed turned = run(kStart + seconds(19), seconds(10), 0, 400);
  EXPECT_GE(turned.b, 980);
}

// 60 % of the rate at each edge: neither is over it, both together are.
TEST_F(RegionLeasesTest, WhatOnlyTogetherIsTooMuchIsHeldToo) {
  exchange(kStart);
  const Passed passed = run(kStart + milliseconds(1), seconds(20), 60, 60);
  EXPECT_LE(passed.a + passed.b, 2000 + 2 * 21 + 2);
}

TEST_F(RegionLeasesTest, WithoutAnAnswerItStandsAloneWithAnEqualShare) {
  exchange(kStart);
  run(kStart + milliseconds(1), seconds(2), 200, 0);
  EXPECT_EQ(a.leases->leased(), 1U);
  EXPECT_FALSE(a.leases->alone());
  a.leases->stand_alone(kStart + seconds(6));
  EXPECT_TRUE(a.leases->alone());
  int passed = 0;
  for (int ms = 0; ms < 10'000; ms += 5) passed += a.passes(kStart + seconds(6) + milliseconds(ms)) ? 1 : 0;
  EXPECT_NEAR(passed, 500, 25);
  const LimitRuling ruling = a.ask("192.0.2.1", kStart + seconds(16));
  EXPECT_EQ(ruling.grade, Grade::alone);
  EXPECT_NE(words_of(ruling).find("an equal share of 50.0% of the region's limit"), std::string::npos);
}

TEST_F(RegionLeasesTest, BeforeTheFirstAnswerTheConfiguredEdgesCount) {
  EXPECT_TRUE(a.leases->alone());
  EXPECT_EQ(a.leases->edges(), 2U);
  EXPECT_EQ(a.share().equal_share(), RegionShare::kWhole / 2);
}

TEST_F(RegionLeasesTest, AKeyGoesColdWhenNobodyAsksForIt) {
  exchange(kStart);
  run(kStart + milliseconds(1), seconds(1), 300, 0);
  EXPECT_EQ(a.leases->leased(), 1U);
  EXPECT_EQ(b.leases->hot(), 1U) << "it has heard of it";
  run(kStart + milliseconds(1001), seconds(20), 0, 0);
  EXPECT_EQ(a.leases->leased(), 0U);
  EXPECT_EQ(a.leases->hot(), 0U);
  EXPECT_EQ(b.leases->hot(), 0U);
}

TEST_F(RegionLeasesTest, ABurstThatIsDelayedWaitsAsIfNobodyElseWereThere) {
  RateLimitSettings checkout = api(10, 5);
  checkout.excess = Excess::delay;
  Edge edge(checkout, "c");
  edge.share().lease_with(2);
  for (int i = 0; i <= 5; ++i) {
    const LimitRuling ruling = edge.ask("192.0.2.1", kStart);
    EXPECT_FALSE(ruling.refused);
    EXPECT_NEAR(std::chrono::duration<double>(ruling.wait).count(), 0.1 * i, 0.001) << i;
  }
  EXPECT_TRUE(edge.ask("192.0.2.1", kStart).refused);
}

TEST_F(RegionLeasesTest, AQuestionHasRoomForSoManyKeysAndTakesThoseThatNeedMost) {
  a.share().lease_with(2);
  std::size_t hot = 0;
  for (int i = 0; i < 600; ++i) {
    const std::string client = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    const int asked = i < 10 ? 60 : 12;
    for (int n = 0; n < asked; ++n) (void)a.ask(client.c_str(), kStart);
    ++hot;
  }
  const LeaseAsk ask = a.leases->ask(kStart + milliseconds(100));
  EXPECT_EQ(ask.keys.size(), RegionLeases::kMostAsked);
  EXPECT_GT(a.leases->left_out(), 0U);
  EXPECT_EQ(std::ranges::count_if(ask.keys, [](const auto& key) { return key.demand > 10'000; }), 10);
}

TEST_F(RegionLeasesTest, AnotherSeedBeginsAnew) {
  exchange(kStart);
  run(kStart + milliseconds(1), seconds(1), 300, 0);
  const LeaseAsk ask = a.leases->ask(kStart + seconds(2));
  LeaseAnswer answer{.cursor = 9, .edges = 3, .seed = 77, .shares = {}, .hot = {}};
  answer.shares.resize(ask.keys.size(), 1000);
  a.leases->take(ask, answer, kStart + seconds(2), kLease);
  EXPECT_EQ(a.share().seed(), 77U);
  EXPECT_EQ(a.leases->edges(), 3U);
  EXPECT_EQ(a.leases->ask(kStart + seconds(3)).keys.size(), 0U);
}

}  // namespace
}  // namespace edge::region_leases_test
