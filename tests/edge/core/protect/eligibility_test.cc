#include "edge/core/protect/eligibility.h"

#include <gtest/gtest.h>

#include <vector>

namespace edge::eligibility_test {
namespace {

using shared::HealthState;
using shared::milliseconds;
using shared::seconds;
using shared::TimePoint;

Eligibility eligibility(const ServerState& state) { return standing_of(state, {}, {}).eligibility; }

TEST(Eligibility, NothingKnownIsTried) {
  const ServerState state;
  const Standing standing = standing_of(state, seconds(30), TimePoint(seconds(5)));
  EXPECT_EQ(standing.eligibility, Eligibility::up);
  EXPECT_EQ(standing.share, kFullShare);
  EXPECT_TRUE(standing.allowed());
}

TEST(Eligibility, TheStrongestReasonIsSaid) {
  ServerState state;
  state.set_health(HealthState::up, 64);
  EXPECT_EQ(eligibility(state), Eligibility::degraded);
  state.set_breaker(BreakerState::half_open);
  EXPECT_EQ(eligibility(state), Eligibility::half_open);
  state.set_draining(true);
  EXPECT_EQ(eligibility(state), Eligibility::draining) << "an operator's word is not tried out by a probe";
  state.set_breaker(BreakerState::probing);
  EXPECT_EQ(eligibility(state), Eligibility::breaker_open);
  state.set_ejected(true);
  EXPECT_EQ(eligibility(state), Eligibility::ejected);
  state.set_health(HealthState::down);
  EXPECT_EQ(eligibility(state), Eligibility::down);
  EXPECT_FALSE(standing_of(state, {}, {}).allowed());
}

TEST(Eligibility, WhatIsWeakerThanWhatIsOverlookedStillCounts) {
  ServerState state;
  state.set_health(HealthState::down);
  state.set_draining(true);
  const auto seen = [&] { return standing_of(state, {}, {}, bit_of(Eligibility::down)).eligibility; };
  EXPECT_EQ(seen(), Eligibility::draining);
  state.set_breaker(BreakerState::open);
  EXPECT_EQ(seen(), Eligibility::breaker_open);
  state.set_breaker(BreakerState::closed);
  state.set_draining(false);
  EXPECT_EQ(seen(), Eligibility::up);
}

TEST(Eligibility, EachPartIsItsOwn) {
  ServerState state;
  state.set_draining(true);
  state.set_ejected(true);
  state.set_breaker(BreakerState::open);
  state.set_health(HealthState::up, 100);
  state.set_slow_start(TimePoint(seconds(100)));
  state.set_ejected(false);
  EXPECT_TRUE(state.draining());
  EXPECT_FALSE(state.ejected());
  EXPECT_EQ(state.breaker(), BreakerState::open);
  EXPECT_EQ(state.health(), HealthState::up);
  EXPECT_EQ(state.health_share(), 100U);
  state.set_health(HealthState::up);
  state.set_draining(false);
  state.set_breaker(BreakerState::closed);
  EXPECT_EQ(eligibility(state), Eligibility::up);
  EXPECT_LT(standing_of(state, seconds(10), TimePoint(seconds(101))).share, kFullShare) << "its slow start goes on";
}

TEST(SlowStart, GrowsFromASmallShareToAll) {
  ServerState state;
  state.set_health(HealthState::up);
  const TimePoint began{seconds(1000)};
  state.set_slow_start(began);
  const auto share = [&](shared::Duration after) { return standing_of(state, seconds(32), began + after).share; };
  EXPECT_EQ(share({}), kFullShare / 16);
  EXPECT_EQ(share(seconds(8)), kFullShare / 4);
  EXPECT_EQ(share(seconds(16)), kFullShare / 2);
  EXPECT_EQ(share(seconds(32)), kFullShare);
  EXPECT_EQ(share(std::chrono::hours(24 * 365)), kFullShare);
  EXPECT_EQ(share(-milliseconds(100)), kFullShare / 16) << "a clock that was read before it began";
  EXPECT_EQ(standing_of(state, {}, began).share, kFullShare) << "the pool has no slow start";
  state.set_health(HealthState::up, kFullShare / 2);
  EXPECT_EQ(share(seconds(16)), kFullShare / 4) << "degraded counts beside it";
}

}  // namespace
}  // namespace edge::eligibility_test
