// When a node suspects itself, and what it shows while it does: RegionHealth with its Isolation.
#include "dns/core/health/isolation.h"

#include <gtest/gtest.h>

#include "dns/core/health/region_health.h"

namespace dns::isolation_test {
namespace {

using shared::HealthState;
using shared::IpAddress;
using shared::milliseconds;
using shared::seconds;
using shared::TimePoint;

constexpr RegionId kUs{0};
constexpr RegionId kEu{1};
constexpr EdgeId kUsA{kUs, 0};
constexpr EdgeId kUsB{kUs, 1};
constexpr EdgeId kEuA{kEu, 0};
const TimePoint kStart{std::chrono::hours(1)};
const TimePoint kLater = kStart + seconds(100);

// Edges of us: two. Of eu: one.
std::vector<Region> two_regions() {
  return {{"us", std::nullopt, {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("192.0.2.2")}},
          {"eu", std::nullopt, {*IpAddress::parse("203.0.113.1")}}};
}

std::vector<Region> with_platform() {
  auto regions = two_regions();
  regions.push_back({"cdn", std::nullopt, {}, Name::from_text("shop.cdn.example").value()});
  return regions;
}

RegionHealthSettings settings() { return {{3, 2}, milliseconds(500), seconds(7), seconds(60)}; }

class IsolationTest : public testing::Test {
 protected:
  explicit IsolationTest(std::vector<Region> regions = two_regions())
      : health_(std::move(regions), settings(), kStart, std::vector<PersistedEdge>{}) {}

  void see(EdgeId edge, EdgeOutcome outcome, TimePoint now, int times = 1) {
    for (int i = 0; i < times; ++i) (void)health_.observe(edge, outcome, now);
  }
  void all_up() {
    for (const EdgeId edge : {kUsA, kUsB, kEuA}) see(edge, EdgeOutcome::success, kStart);
  }
  void silence(EdgeId edge, TimePoint now) { see(edge, EdgeOutcome::silence, now, 3); }
  void silence_all(TimePoint now) {
    for (const EdgeId edge : {kUsA, kUsB, kEuA}) silence(edge, now);
  }
  [[nodiscard]] EdgeState state(EdgeId edge) const {
    return health_.view().regions[index_of(edge.region)].edges[edge.index];
  }
  [[nodiscard]] std::string note(RegionId region) const { return health_.view().regions[index_of(region)].note; }

  RegionHealth health_;
};

TEST_F(IsolationTest, SilenceOfAllAtOnceIsHeldWithAllEdgesAndThenBelieved) {
  all_up();
  silence(kUsA, kLater);
  EXPECT_EQ(state(kUsA), EdgeState::down);
  silence(kUsB, kLater + seconds(2));
  EXPECT_EQ(state(kUsB), EdgeState::down) << "one region lost: answers move";
  silence(kEuA, kLater + seconds(7));
  ASSERT_TRUE(health_.holding());
  EXPECT_EQ(state(kUsA), EdgeState::up) << "the answer from before the loss, not the last edge that was left";
  EXPECT_EQ(state(kUsB), EdgeState::up);
  EXPECT_EQ(state(kEuA), EdgeState::up);
  EXPECT_TRUE(health_.view().regions[1].pressure);
  EXPECT_EQ(note(kUs), "up, as before the silence: no region can be heard, so this node suspects itself");
  EXPECT_EQ(health_.next_deadline(), kLater + seconds(67));
  EXPECT_TRUE(health_.advance(kLater + seconds(67)));
  EXPECT_FALSE(health_.holding());
  EXPECT_EQ(state(kEuA), EdgeState::down);
  EXPECT_FALSE(health_.advance(kLater + seconds(200))) << "not held a second time";
}

TEST_F(IsolationTest, WhatWasDownBeforeTheSilenceStaysDown) {
  all_up();
  silence(kUsA, kStart + seconds(50));
  silence_all(kLater);
  ASSERT_TRUE(health_.holding());
  EXPECT_EQ(state(kUsA), EdgeState::down);
  EXPECT_EQ(state(kUsB), EdgeState::up);
  EXPECT_EQ(note(kUs), "1 of 2 edges up, as before the silence: no region can be heard, so this node suspects itself");
}

TEST_F(IsolationTest, ARefusalOrABadAnswerIsNoSilence) {
  for (const EdgeOutcome outcome : {EdgeOutcome::refused, EdgeOutcome::failure}) {
    health_ = RegionHealth(two_regions(), settings(), kStart, std::vector<PersistedEdge>{});
    all_up();
    for (const EdgeId edge : {kUsA, kUsB, kEuA}) see(edge, outcome, kLater, 3);
    EXPECT_FALSE(health_.holding());
    EXPECT_EQ(state(kEuA), EdgeState::down);
  }
}

TEST_F(IsolationTest, OneVoiceProvesThatOurNetworkIsThere) {
  all_up();
  see(kEuA, EdgeOutcome::refused, kLater);
  for (int second = 1; second <= 3; ++second) {
    see(kUsA, EdgeOutcome::silence, kLater + seconds(second));
    see(kUsB, EdgeOutcome::silence, kLater + seconds(second));
    if (second < 3) see(kEuA, EdgeOutcome::refused, kLater + seconds(second) + milliseconds(500));
  }
  EXPECT_FALSE(health_.holding());
  EXPECT_EQ(state(kUsA), EdgeState::down);
}

// Its process died long ago, and now its host is as silent as all others.
TEST_F(IsolationTest, AnEdgeThatRefusedBeforeTheSilenceIsNoVoice) {
  all_up();
  see(kUsA, EdgeOutcome::refused, kStart + seconds(50));
  see(kUsA, EdgeOutcome::refused, kLater - seconds(1));
  silence_all(kLater);
  ASSERT_TRUE(health_.holding());
  EXPECT_EQ(state(kUsA), EdgeState::down);
  EXPECT_EQ(state(kUsB), EdgeState::up);
}

TEST_F(IsolationTest, WhoeverIsHeardToBeIllWhileItHoldsIsDown) {
  all_up();
  silence_all(kLater);
  ASSERT_TRUE(health_.holding());
  see(kEuA, EdgeOutcome::refused, kLater + seconds(1));
  EXPECT_TRUE(health_.holding());
  EXPECT_EQ(state(kEuA), EdgeState::down);
  EXPECT_EQ(note(kEu), "down");
  EXPECT_EQ(state(kUsA), EdgeState::up);
  see(kUsA, EdgeOutcome::failure, kLater + seconds(1));
  see(kUsB, EdgeOutcome::refused, kLater + seconds(1));
  EXPECT_FALSE(health_.holding()) << "nothing is left to hold";
  EXPECT_EQ(state(kUsA), EdgeState::down);
}

TEST_F(IsolationTest, LostOneAfterAnotherIsBelievedAtOnce) {
  all_up();
  silence(kUsA, kLater);
  silence(kUsB, kLater);
  silence(kEuA, kLater + seconds(8));
  EXPECT_FALSE(health_.holding());
  EXPECT_EQ(state(kEuA), EdgeState::down);
}

TEST_F(IsolationTest, TheHoldEndsWhenAnythingComesBack) {
  all_up();
  silence_all(kLater);
  ASSERT_TRUE(health_.holding());
  see(kEuA, EdgeOutcome::success, kLater + seconds(1));
  EXPECT_TRUE(health_.holding()) << "rise is 2";
  see(kEuA, EdgeOutcome::success, kLater + seconds(2));
  EXPECT_FALSE(health_.holding());
  EXPECT_EQ(state(kEuA), EdgeState::up) << "and was not lost by its own fault: it is not held down either";
  EXPECT_EQ(state(kUsA), EdgeState::down);
}

TEST_F(IsolationTest, ANodeThatNeverSawAnythingClaimsNothing) {
  silence_all(kStart);
  EXPECT_FALSE(health_.holding());
  EXPECT_EQ(state(kUsA), EdgeState::down);
  EXPECT_EQ(note(kUs), "down");
}

TEST_F(IsolationTest, WhatWasSeenBeforeARestartCounts) {
  std::vector<PersistedEdge> persisted;
  for (const Region& region : two_regions()) {
    for (const IpAddress& edge : region.edges) persisted.push_back({region.name, edge, HealthState::up});
  }
  health_ = RegionHealth(two_regions(), settings(), kStart, persisted);
  silence_all(kStart);
  EXPECT_TRUE(health_.holding());
  EXPECT_EQ(state(kUsA), EdgeState::up);
}

TEST_F(IsolationTest, NothingIsHeldWhileAnyRegionCanServe) {
  using Say = Override::State;
  for (const Say word : {Say::up, Say::drained}) {
    health_ = RegionHealth(two_regions(), settings(), kStart, std::vector<PersistedEdge>{});
    all_up();
    (void)health_.set_override(kEu, {word, "", std::nullopt}, kStart);
    silence(kUsA, kLater);
    silence(kUsB, kLater);
    EXPECT_FALSE(health_.holding()) << to_string(word);
    EXPECT_EQ(state(kUsA), EdgeState::down) << to_string(word);
    EXPECT_EQ(state(kEuA), word == Say::up ? EdgeState::up : EdgeState::drained);
  }
}

TEST_F(IsolationTest, ARegionThatTheOperatorTookDownIsNoWitness) {
  all_up();
  (void)health_.set_override(kEu, {Override::State::down, "", std::nullopt}, kStart);
  silence(kUsA, kLater);
  silence(kUsB, kLater);
  EXPECT_TRUE(health_.holding());
  EXPECT_EQ(state(kUsA), EdgeState::up);
  EXPECT_EQ(state(kUsB), EdgeState::up);
  EXPECT_EQ(state(kEuA), EdgeState::down) << "the operator's word stands during the hold";
  (void)health_.set_override(kEu, {Override::State::up, "", std::nullopt}, kLater);
  EXPECT_FALSE(health_.holding()) << "now it can serve";
  EXPECT_EQ(state(kUsA), EdgeState::down);
}

TEST_F(IsolationTest, ButItsEdgesAreHeard) {
  all_up();
  (void)health_.set_override(kEu, {Override::State::down, "", std::nullopt}, kStart);
  silence(kUsA, kLater);
  see(kEuA, EdgeOutcome::success, kLater + seconds(1));
  silence(kUsB, kLater);
  EXPECT_FALSE(health_.holding());
}

TEST_F(IsolationTest, ADrainedRegionIsHeldAsDrained) {
  all_up();
  (void)health_.set_override(kEu, {Override::State::drained, "", std::nullopt}, kStart);
  silence_all(kLater);
  ASSERT_TRUE(health_.holding());
  EXPECT_EQ(state(kUsA), EdgeState::up);
  EXPECT_EQ(state(kEuA), EdgeState::drained);
}

TEST_F(IsolationTest, AReloadKeepsTheHold) {
  all_up();
  silence_all(kLater);
  const RegionHealth after(two_regions(), settings(), kLater + seconds(1), health_);
  EXPECT_TRUE(after.holding());
  EXPECT_EQ(after.view().regions[0].edges, (std::vector{EdgeState::up, EdgeState::up}));
  EXPECT_EQ(after.holding_until(), kLater + seconds(60));
}

TEST_F(IsolationTest, AReloadAfterTheHoldBeginsNoOther) {
  all_up();
  silence_all(kLater);
  EXPECT_TRUE(health_.advance(kLater + seconds(60)));
  ASSERT_FALSE(health_.holding());
  health_ = RegionHealth(two_regions(), settings(), kLater + seconds(61), RegionHealth(health_));
  EXPECT_FALSE(health_.holding());
  silence_all(kLater + seconds(62));
  (void)health_.advance(kLater + seconds(63));
  EXPECT_FALSE(health_.holding()) << "this loss has had its hold";
  EXPECT_EQ(state(kUsA), EdgeState::down);
}

TEST_F(IsolationTest, AHoldThatAReloadMeetsEndsWhenItWould) {
  all_up();
  silence_all(kLater);
  ASSERT_TRUE(health_.holding());
  health_ = RegionHealth(two_regions(), settings(), kLater + seconds(30), RegionHealth(health_));
  EXPECT_FALSE(health_.advance(kLater + seconds(59)));
  EXPECT_TRUE(health_.holding());
  EXPECT_TRUE(health_.advance(kLater + seconds(60)));
  EXPECT_FALSE(health_.holding());
  EXPECT_EQ(state(kEuA), EdgeState::down);
}

TEST_F(IsolationTest, OnceARegionServedAgainANewLossIsHeldAgain) {
  all_up();
  silence_all(kLater);
  (void)health_.advance(kLater + seconds(60));
  ASSERT_FALSE(health_.holding());
  // Long enough for the falls to be forgotten.
  const TimePoint back = kLater + std::chrono::hours(1);
  for (const EdgeId edge : {kUsA, kUsB, kEuA}) see(edge, EdgeOutcome::success, back, 2);
  const TimePoint again = back + std::chrono::hours(1);
  (void)health_.advance(again);
  ASSERT_EQ(state(kUsA), EdgeState::up);
  silence_all(again);
  ASSERT_TRUE(health_.holding());
  EXPECT_EQ(health_.holding_until(), again + seconds(60));
  EXPECT_EQ(state(kUsA), EdgeState::up);
  EXPECT_TRUE(health_.advance(again + seconds(60)));
  EXPECT_EQ(state(kUsA), EdgeState::down);
}

TEST_F(IsolationTest, WhoRefusedWithinTheWindowIsNotHeldWithTheOthers) {
  all_up();
  see(kUsA, EdgeOutcome::refused, kLater);
  silence_all(kLater + seconds(2));
  ASSERT_TRUE(health_.holding());
  EXPECT_EQ(state(kUsA), EdgeState::down) << "that was no silence";
  EXPECT_EQ(state(kUsB), EdgeState::up);
}

TEST_F(IsolationTest, WhatAFormerHoldKeptIsNotKeptByTheNextOne) {
  all_up();
  silence_all(kLater);
  EXPECT_TRUE(health_.advance(kLater + seconds(60)));
  const TimePoint back = kLater + std::chrono::hours(1);
  for (const EdgeId edge : {kUsB, kEuA}) see(edge, EdgeOutcome::success, back, 2);
  const TimePoint again = back + std::chrono::hours(1);
  (void)health_.advance(again);
  ASSERT_EQ(state(kUsB), EdgeState::up);
  silence(kUsB, again);
  silence(kEuA, again);
  ASSERT_TRUE(health_.holding());
  EXPECT_EQ(state(kUsB), EdgeState::up);
  EXPECT_EQ(state(kUsA), EdgeState::down) << "it was dead for two hours";
}

class IsolationBesideAPlatform : public IsolationTest {
 protected:
  IsolationBesideAPlatform() : IsolationTest(with_platform()) {}
};

TEST_F(IsolationBesideAPlatform, NothingIsHeldWhileThePlatformIsLeft) {
  all_up();
  silence_all(kLater);
  EXPECT_FALSE(health_.holding());
  EXPECT_EQ(state(kUsA), EdgeState::down);
  EXPECT_EQ(health_.view().regions[2].edges, std::vector{EdgeState::up});
}

}  // namespace
}  // namespace dns::isolation_test
