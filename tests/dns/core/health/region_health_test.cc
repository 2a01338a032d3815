#include "dns/core/health/region_health.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace dns::region_health_test {
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

std::vector<Region> two_regions() {
  return {{"us", std::nullopt, {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("192.0.2.2")}},
          {"eu", std::nullopt, {*IpAddress::parse("203.0.113.1")}}};
}

// Nothing is held down, but in the tests that are about it.
RegionHealthSettings settings() {
  RegionHealthSettings out{{3, 2}, milliseconds(500), seconds(7), seconds(60)};
  out.hold_down.first = shared::Duration::zero();
  out.drain_settles = seconds(60);
  return out;
}

RegionHealth fresh() { return {two_regions(), settings(), kStart, std::vector<PersistedEdge>{}}; }

RegionHealth all_seen_up() {
  RegionHealth health = fresh();
  for (const EdgeId edge : {kUsA, kUsB, kEuA}) (void)health.observe(edge, EdgeOutcome::success, kStart);
  return health;
}

EdgeState state(const RegionHealth& health, EdgeId edge) {
  return health.view().regions[index_of(edge.region)].edges[edge.index];
}

TEST(RegionHealth, UnknownUntilTheFirstResultWhichCountsAtOnce) {
  RegionHealth health = fresh();
  EXPECT_EQ(state(health, kUsA), EdgeState::unknown);
  EXPECT_EQ(health.view().regions[0].note, "not probed yet");
  EXPECT_TRUE(health.view().regions[0].pressure) << "counts as pending";
  EXPECT_FALSE(health.ready(kStart));
  EXPECT_TRUE(health.observe(kUsA, EdgeOutcome::failure, kStart));
  EXPECT_EQ(state(health, kUsA), EdgeState::down);
  EXPECT_FALSE(health.ready(kStart + milliseconds(499)));
  EXPECT_TRUE(health.ready(kStart + milliseconds(500)));
  (void)health.observe(kUsB, EdgeOutcome::success, kStart);
  EXPECT_FALSE(health.view().regions[0].pressure) << "both are known now";
  (void)health.observe(kEuA, EdgeOutcome::success, kStart);
  EXPECT_TRUE(health.ready(kStart));
}

TEST(RegionHealth, PersistedStateStandsUntilTheFirstResultAndIsPending) {
  const std::vector<PersistedEdge> persisted = {{"eu", *IpAddress::parse("203.0.113.1"), HealthState::down},
                                                {"us", *IpAddress::parse("192.0.2.1"), HealthState::up}};
  RegionHealth health(two_regions(), settings(), kStart, persisted);
  EXPECT_EQ(state(health, kEuA), EdgeState::down);
  EXPECT_EQ(state(health, kUsA), EdgeState::up);
  EXPECT_EQ(state(health, kUsB), EdgeState::unknown);
  EXPECT_TRUE(health.view().regions[1].pressure);
  EXPECT_EQ(health.view().regions[1].note, "down, as before the restart: not probed since");
  EXPECT_TRUE(health.observe(kEuA, EdgeOutcome::success, kStart));
  EXPECT_EQ(state(health, kEuA), EdgeState::up);
  EXPECT_FALSE(health.view().regions[1].pressure);
}

// Every sequence of six outcomes on one edge against the rules written down plainly.
TEST(RegionHealth, EveryShortSequenceFollowsTheRules) {
  constexpr std::array kOutcomes = {EdgeOutcome::success, EdgeOutcome::draining, EdgeOutcome::failure,
                                    EdgeOutcome::refused};
  for (unsigned code = 0; code < 4096; ++code) {
    RegionHealth health = fresh();
    (void)health.observe(kUsB, EdgeOutcome::success, kStart);
    bool up = true;
    bool drained = false;
    int against = 0;
    for (unsigned step = 0; step < 6; ++step) {
      const EdgeOutcome outcome = kOutcomes[code >> (2 * step) & 3];
      const bool good = outcome == EdgeOutcome::success || outcome == EdgeOutcome::draining;
      against = good == up ? 0 : against + 1;
      if (against > 0 && (step == 0 || outcome == EdgeOutcome::refused || against >= (good ? 2 : 3))) {
        up = good;
        against = 0;
      }
      if (good) drained = outcome == EdgeOutcome::draining;
      const HealthView before = health.view();
      const bool changed = health.observe(kUsA, outcome, kStart + seconds(step));
      const EdgeState expected = !up ? EdgeState::down : drained ? EdgeState::drained : EdgeState::up;
      ASSERT_EQ(state(health, kUsA), expected) << code << " step " << step;
      ASSERT_EQ(changed, !(before == health.view())) << code << " step " << step;
      ASSERT_EQ(health.view().regions[0].pressure, against > 0 || expected == EdgeState::drained)
          << code << " " << step;
    }
  }
}

TEST(RegionHealth, ADrainingEdgeIsLeftAloneAtOnce) {
  RegionHealth health = all_seen_up();
  EXPECT_TRUE(health.observe(kEuA, EdgeOutcome::draining, kStart));
  EXPECT_EQ(state(health, kEuA), EdgeState::drained);
  EXPECT_TRUE(health.view().regions[1].pressure);
  EXPECT_EQ(health.view().regions[1].note, "drained");
  EXPECT_TRUE(health.observe(kEuA, EdgeOutcome::success, kStart));
  EXPECT_EQ(state(health, kEuA), EdgeState::up);
}

TEST(RegionHealth, TheOperatorsWordBeatsTheProbeUntilItExpires) {
  RegionHealth health = all_seen_up();
  EXPECT_TRUE(health.set_override(kUs, {Override::State::drained, "kernel update", kStart + seconds(40)}, kStart));
  EXPECT_EQ(state(health, kUsA), EdgeState::drained);
  EXPECT_TRUE(health.view().regions[0].forced);
  EXPECT_EQ(health.view().regions[0].note, "drained, drained by the operator (kernel update)");
  EXPECT_FALSE(health.observe(kUsA, EdgeOutcome::success, kStart));
  EXPECT_EQ(health.next_deadline(), kStart + seconds(40));
  EXPECT_FALSE(health.advance(kStart + seconds(39)));
  EXPECT_TRUE(health.advance(kStart + seconds(40)));
  EXPECT_EQ(state(health, kUsA), EdgeState::up);
  EXPECT_FALSE(health.next_deadline());
}

TEST(RegionHealth, ADrainedRegionWhoseEdgesAreDeadIsDown) {
  RegionHealth health = all_seen_up();
  (void)health.set_override(kUs, {Override::State::drained, "", std::nullopt}, kStart);
  (void)health.observe(kUsA, EdgeOutcome::refused, kStart);
  EXPECT_EQ(state(health, kUsA), EdgeState::down);
  EXPECT_EQ(state(health, kUsB), EdgeState::drained);
}

TEST(RegionHealth, ForcedUpMeansItsLivingEdgesElseAll) {
  RegionHealth health = all_seen_up();
  (void)health.set_override(kUs, {Override::State::up, "", std::nullopt}, kStart);
  (void)health.observe(kUsA, EdgeOutcome::refused, kStart);
  EXPECT_EQ(state(health, kUsA), EdgeState::down);
  EXPECT_EQ(state(health, kUsB), EdgeState::up);
  (void)health.observe(kUsB, EdgeOutcome::refused, kStart);
  EXPECT_EQ(state(health, kUsA), EdgeState::up);
  EXPECT_EQ(state(health, kUsB), EdgeState::up);
}

TEST(RegionHealth, ForcedUpTheFirstEdgeAloneIsEnoughToo) {
  RegionHealth health = all_seen_up();
  (void)health.set_override(kUs, {Override::State::up, "", std::nullopt}, kStart);
  (void)health.observe(kUsB, EdgeOutcome::refused, kStart);
  EXPECT_EQ(state(health, kUsA), EdgeState::up);
  EXPECT_EQ(state(health, kUsB), EdgeState::down);
}

TEST(RegionHealth, ForcedUpWithoutALivingEdgeThoseThatNobodyHasProbedComeFirst) {
  RegionHealth health = fresh();
  (void)health.observe(kUsA, EdgeOutcome::refused, kStart);
  (void)health.set_override(kUs, {Override::State::up, "", std::nullopt}, kStart);
  EXPECT_EQ(state(health, kUsA), EdgeState::down);
  EXPECT_EQ(state(health, kUsB), EdgeState::up);
}

// A living IPv6 edge is no answer to a query for A.
TEST(RegionHealth, ForcedUpCountsEachFamilyByItself) {
  auto regions = two_regions();
  regions[0].edges = {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("2001:db8::1")};
  for (const EdgeId dead : {kUsA, kUsB}) {
    RegionHealth health(regions, settings(), kStart, std::vector<PersistedEdge>{});
    for (const EdgeId edge : {kUsA, kUsB}) (void)health.observe(edge, EdgeOutcome::success, kStart);
    (void)health.observe(dead, EdgeOutcome::refused, kStart);
    EXPECT_EQ(state(health, dead), EdgeState::down);
    (void)health.set_override(kUs, {Override::State::up, "", std::nullopt}, kStart);
    EXPECT_EQ(state(health, dead), EdgeState::up);
  }
}

TEST(RegionHealth, ForcedUpAnEdgeThatIsHeldDownIsALivingOne) {
  RegionHealthSettings with = settings();
  with.hold_down = {seconds(5), seconds(300)};
  RegionHealth health(two_regions(), with, kStart, std::vector<PersistedEdge>{});
  for (const EdgeId edge : {kUsA, kUsB, kEuA}) (void)health.observe(edge, EdgeOutcome::success, kStart);
  for (int fall = 0; fall < 2; ++fall) {
    (void)health.observe(kUsA, EdgeOutcome::refused, kStart);
    for (int i = 0; i < 2; ++i) (void)health.observe(kUsA, EdgeOutcome::success, kStart);
  }
  (void)health.observe(kUsB, EdgeOutcome::refused, kStart);
  ASSERT_EQ(state(health, kUsA), EdgeState::held_down);
  (void)health.set_override(kUs, {Override::State::up, "", std::nullopt}, kStart);
  EXPECT_EQ(state(health, kUsA), EdgeState::up);
  EXPECT_EQ(state(health, kUsB), EdgeState::down) << "so this one is not needed";
}

TEST(RegionHealth, WhatTheProbesOfAForcedEdgeSayIsNoPressure) {
  RegionHealth health = all_seen_up();
  (void)health.set_override(kUsB, {Override::State::up, "", std::nullopt}, kStart);
  (void)health.observe(kUsB, EdgeOutcome::failure, kStart);
  EXPECT_FALSE(health.view().regions[0].pressure);
  (void)health.observe(kUsA, EdgeOutcome::failure, kStart);
  EXPECT_TRUE(health.view().regions[0].pressure);
}

TEST(RegionHealth, OneEdgeThatIsOnlyRememberedIsPressureWhateverTheOthersAre) {
  for (const EdgeId first : {kUsA, kUsB}) {
    const std::vector<PersistedEdge> persisted = {{"us", *IpAddress::parse("192.0.2.1"), HealthState::up},
                                                  {"us", *IpAddress::parse("192.0.2.2"), HealthState::up}};
    RegionHealth health(two_regions(), settings(), kStart, persisted);
    (void)health.observe(first, EdgeOutcome::success, kStart);
    EXPECT_TRUE(health.view().regions[0].pressure);
    (void)health.observe(first == kUsA ? kUsB : kUsA, EdgeOutcome::success, kStart);
    EXPECT_FALSE(health.view().regions[0].pressure);
  }
}

TEST(RegionHealth, StatesAreReadAsTheyAreWritten) {
  for (const auto state :
       {EdgeState::up, EdgeState::unknown, EdgeState::held_down, EdgeState::drained, EdgeState::down}) {
    EXPECT_EQ(parse_edge_state(to_string(state)), state);
  }
  EXPECT_FALSE(parse_edge_state("elsewhere"));
  for (const auto word : {Override::State::up, Override::State::down, Override::State::drained}) {
    EXPECT_EQ(parse_override_state(to_string(word)), word);
  }
  EXPECT_FALSE(parse_override_state("unknown"));
}

TEST(RegionHealth, OneEdgeCanBeForcedByItself) {
  RegionHealth health = all_seen_up();
  EXPECT_TRUE(health.set_override(kUsB, {Override::State::down, "disk", std::nullopt}, kStart));
  EXPECT_EQ(state(health, kUsB), EdgeState::down);
  EXPECT_EQ(health.view().regions[0].note, "1 of 2 edges up, 192.0.2.2 down by the operator (disk)");
  EXPECT_TRUE(health.clear_override(kUsB, kStart));
  EXPECT_EQ(state(health, kUsB), EdgeState::up);
}

// Every sequence of four events out of all kinds, on a region of one edge, against the rules written down plainly.
class PlainRules {
 public:
  explicit PlainRules(TimePoint now) : now_(now) {}

  void probe(EdgeOutcome outcome) {
    const bool good = outcome == EdgeOutcome::success || outcome == EdgeOutcome::draining;
    against_ = good == up_ ? 0 : against_ + 1;
    if (against_ > 0 && (outcome == EdgeOutcome::refused || against_ >= (good ? 2 : 3))) {
      up_ = good;
      against_ = 0;
    }
    if (good) draining_ = outcome == EdgeOutcome::draining;
  }
  void say(bool of_region, std::optional<Override> word) { (of_region ? region_ : edge_) = std::move(word); }
  void pass(TimePoint now) {
    now_ = now;
    for (auto* word : {&region_, &edge_}) {
      if (*word && (*word)->expires && *(*word)->expires <= now_) word->reset();
    }
  }
  [[nodiscard]] EdgeState state() const {
    EdgeState state = !up_ ? EdgeState::down : draining_ ? EdgeState::drained : EdgeState::up;
    if (edge_) state = as_said(*edge_);
    if (!region_) return state;
    if (region_->state == Override::State::drained) return std::max(state, EdgeState::drained);
    return as_said(*region_);  // the only edge of a region that is forced up serves, whatever its probes say
  }

 private:
  static EdgeState as_said(const Override& word) {
    if (word.state == Override::State::up) return EdgeState::up;
    return word.state == Override::State::drained ? EdgeState::drained : EdgeState::down;
  }
  TimePoint now_;
  bool up_ = true;
  bool draining_ = false;
  int against_ = 0;
  std::optional<Override> region_;
  std::optional<Override> edge_;
};

TEST(RegionHealth, ProbesWordsAndTimeTogetherFollowTheRulesInEveryShortSequence) {
  using Say = Override::State;
  static_assert(EdgeState::up < EdgeState::drained && EdgeState::drained < EdgeState::down);
  const auto step = [](unsigned event, TimePoint& now, RegionHealth& health, PlainRules& rules) {
    if (event < 4) {
      constexpr std::array kOutcomes = {EdgeOutcome::success, EdgeOutcome::draining, EdgeOutcome::failure,
                                        EdgeOutcome::refused};
      (void)health.observe(kEuA, kOutcomes[event], now);
      return rules.probe(kOutcomes[event]);
    }
    if (event == 4) {
      now += seconds(10);
      (void)health.advance(now);
      return rules.pass(now);
    }
    const bool of_region = event < 9;
    if (event == 5 || event == 9) {
      (void)(of_region ? health.clear_override(kEu, now) : health.clear_override(kEuA, now));
      return rules.say(of_region, std::nullopt);
    }
    constexpr std::array kStates = {Say::up, Say::down, Say::drained};
    const Override word{kStates[(event - 6) % 4], "", event % 2 == 0 ? std::optional(now + seconds(10)) : std::nullopt};
    (void)(of_region ? health.set_override(kEu, word, now) : health.set_override(kEuA, word, now));
    rules.say(of_region, word);
  };
  constexpr unsigned kEvents = 13;
  const RegionHealth begin = all_seen_up();
  for (unsigned code = 0; code < kEvents * kEvents * kEvents * kEvents; ++code) {
    RegionHealth health = begin;
    PlainRules rules(kStart);
    TimePoint now = kStart;
    for (unsigned rest = code, i = 0; i < 4; ++i, rest /= kEvents) {
      step(rest % kEvents, now, health, rules);
      ASSERT_EQ(state(health, kEuA), rules.state()) << "sequence " << code << " step " << i;
    }
  }
}

TEST(RegionHealth, ADrainIsPendingUntilAllCanHaveHeardOfIt) {
  RegionHealth health = all_seen_up();
  (void)health.set_override(kUs, {Override::State::drained, "", std::nullopt}, kStart + seconds(5));
  EXPECT_TRUE(health.view().regions[0].pressure);
  EXPECT_EQ(health.next_deadline(), kStart + seconds(65)) << "the greatest TTL later";
  EXPECT_FALSE(health.advance(kStart + seconds(64)));
  EXPECT_TRUE(health.advance(kStart + seconds(65)));
  EXPECT_FALSE(health.view().regions[0].pressure) << "though it stays drained";
  EXPECT_EQ(state(health, kUsA), EdgeState::drained);
  EXPECT_FALSE(health.next_deadline());
  const RegionHealth reloaded(two_regions(), settings(), kStart + seconds(70), health);
  EXPECT_FALSE(reloaded.view().regions[0].pressure) << "a reload drains nothing";
  // Part of it comes back: that is a change again.
  (void)health.set_override(kUsB, {Override::State::down, "", std::nullopt}, kStart + seconds(80));
  EXPECT_TRUE(health.view().regions[0].pressure);
  EXPECT_TRUE(health.advance(kStart + seconds(140)));
  EXPECT_FALSE(health.view().regions[0].pressure);
}

TEST(RegionHealth, AnEdgesOwnDrainSettlesLikewise) {
  RegionHealth health = all_seen_up();
  (void)health.observe(kEuA, EdgeOutcome::draining, kStart);
  EXPECT_TRUE(health.view().regions[1].pressure);
  EXPECT_TRUE(health.observe(kEuA, EdgeOutcome::draining, kStart + seconds(60)));
  EXPECT_FALSE(health.view().regions[1].pressure);
  EXPECT_EQ(state(health, kEuA), EdgeState::drained);
}

RegionHealth held_down() {
  RegionHealthSettings with = settings();
  with.hold_down = {seconds(5), seconds(300)};
  RegionHealth health(two_regions(), with, kStart, std::vector<PersistedEdge>{});
  for (const EdgeId edge : {kUsA, kUsB, kEuA}) (void)health.observe(edge, EdgeOutcome::success, kStart);
  for (int fall = 0; fall < 2; ++fall) {
    (void)health.observe(kEuA, EdgeOutcome::refused, kStart);
    (void)health.observe(kEuA, EdgeOutcome::success, kStart);
    (void)health.observe(kEuA, EdgeOutcome::success, kStart);
  }
  return health;
}

TEST(RegionHealth, AnEdgeThatFellTwiceIsHeldDownBeforeItReturns) {
  RegionHealth health = held_down();
  EXPECT_EQ(state(health, kEuA), EdgeState::held_down);
  EXPECT_TRUE(health.view().regions[1].pressure);
  EXPECT_EQ(health.view().regions[1].note, "held down: well again, but it has fallen too often lately");
  EXPECT_EQ(health.next_deadline(), kStart + seconds(5));
  EXPECT_FALSE(health.advance(kStart + seconds(4)));
  EXPECT_TRUE(health.advance(kStart + seconds(5)));
  EXPECT_EQ(state(health, kEuA), EdgeState::up);
  EXPECT_FALSE(health.view().regions[1].pressure);
  EXPECT_FALSE(health.next_deadline());
  EXPECT_TRUE(health.observe(kEuA, EdgeOutcome::refused, kStart + seconds(6))) << "leaving is never delayed";
  EXPECT_EQ(state(health, kEuA), EdgeState::down);
}

TEST(RegionHealth, TheOperatorsWordBeatsTheHoldDown) {
  RegionHealth health = held_down();
  EXPECT_TRUE(health.set_override(kEu, {Override::State::up, "", std::nullopt}, kStart));
  EXPECT_EQ(state(health, kEuA), EdgeState::up);
  (void)health.clear_override(kEu, kStart);
  EXPECT_EQ(state(health, kEuA), EdgeState::up) << "who was told to be up starts anew";
  health = held_down();
  EXPECT_TRUE(health.set_override(kEu, {Override::State::drained, "", std::nullopt}, kStart));
  EXPECT_EQ(state(health, kEuA), EdgeState::drained);
}

TEST(RegionHealth, AHoldDownOutlivesAReload) {
  const RegionHealth reloaded(two_regions(), settings(), kStart + seconds(1), held_down());
  EXPECT_EQ(state(reloaded, kEuA), EdgeState::held_down);
}

// Somebody else's platform that nobody probes: up but for the operator's word, and it can serve when all others are
// lost.
TEST(RegionHealth, AnUnprobedCnameIsWhatTheOperatorSays) {
  auto regions = two_regions();
  regions.push_back({"cdn", std::nullopt, {}, Name::from_text("shop.cdn.example").value()});
  RegionHealth health(regions, settings(), kStart, std::vector<PersistedEdge>{});
  constexpr RegionId kCdn{2};
  const auto edges = [&] { return health.view().regions[2].edges; };
  EXPECT_EQ(edges(), std::vector{EdgeState::up});
  for (const EdgeId edge : {kUsA, kUsB, kEuA}) (void)health.observe(edge, EdgeOutcome::success, kStart);
  EXPECT_TRUE(health.ready(kStart));
  EXPECT_TRUE(health.set_override(kCdn, {Override::State::drained, "contract", std::nullopt}, kStart));
  EXPECT_EQ(edges(), std::vector{EdgeState::drained});
  EXPECT_TRUE(health.set_override(kCdn, {Override::State::down, "", std::nullopt}, kStart));
  EXPECT_EQ(edges(), std::vector{EdgeState::down});
  EXPECT_TRUE(health.set_override(kCdn, {Override::State::up, "", std::nullopt}, kStart));
  EXPECT_EQ(edges(), std::vector{EdgeState::up});
  EXPECT_TRUE(health.clear_override(kCdn, kStart));
  for (int row = 0; row < 3; ++row) {
    for (const EdgeId edge : {kUsA, kUsB, kEuA}) (void)health.observe(edge, EdgeOutcome::silence, kStart);
  }
  EXPECT_FALSE(health.holding()) << "the platform can serve";
  EXPECT_EQ(state(health, kUsA), EdgeState::down);
}

TEST(RegionHealth, AReloadKeepsWhatKeepsItsNameAndAddress) {
  RegionHealth before = all_seen_up();
  (void)before.observe(kUsB, EdgeOutcome::refused, kStart);
  (void)before.set_override(kEu, {Override::State::drained, "x", std::nullopt}, kStart);
  auto regions = two_regions();
  std::swap(regions[0], regions[1]);
  regions[1].edges.push_back(*IpAddress::parse("192.0.2.3"));
  const RegionHealth after(regions, settings(), kStart + seconds(5), before);
  EXPECT_EQ(after.view().regions[0].edges, (std::vector{EdgeState::drained}));
  EXPECT_EQ(after.view().regions[1].edges, (std::vector{EdgeState::up, EdgeState::down, EdgeState::unknown}));
  EXPECT_TRUE(after.ready(kStart + seconds(5))) << "a reload is no start";
  EXPECT_EQ(after.persist().size(), 4u);
}

}  // namespace
}  // namespace dns::region_health_test
