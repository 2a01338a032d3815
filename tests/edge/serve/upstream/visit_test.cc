#include "edge/serve/upstream/visit.h"

#include <gtest/gtest.h>

#include <optional>

#include "edge/core/pool/places.h"
#include "tests/edge/core/pool_world.h"

namespace edge::test::visit_test {
namespace {

using Kind = BreakerPermit::Kind;

struct World : PoolWorld {
  ServerCounterTable counters;

  explicit World(Algorithm algorithm = Algorithm::round_robin) : PoolWorld(algorithm, {1, 1}) {
    pool.breaker = {.mode = shared::Mode::enforce, .failures = 2, .jitter = 0};
    if (auto* slots = std::get_if<HashSlots>(&pool.selector)) slots->bound_percent = 125;
  }
  BreakerPermit permit() { return server(0).breaker.enter(pool.breaker, now, server(0).state); }
  void visit(std::optional<Visit>& at, BreakerPermit with) {
    const Visit::Books books{.live = live, .servers = counters};
    const Visit::Destination to{.pool = pool, .server = pool.servers[0], .permit = with};
    at.emplace(books, to, now);
  }
  void one(const VisitEnd& end) {
    std::optional<Visit> at;
    visit(at, permit());
    at->end(end, now);
  }
  void fail() { one({.outcome = BreakerOutcome::failure, .status = 503}); }
  void wait(shared::Duration span) {
    now += std::chrono::duration_cast<shared::milliseconds>(span);
    server(0).breaker.tick(pool.breaker, now, server(0).state);
  }
  ServerCounters& counted() { return counters.of(ServerId{0}, 0); }
};

TEST(Visit, IsInFlightWhileItLasts) {
  World world(Algorithm::hash);
  PoolLive& pool = world.live.pool(world.pool.slot);
  std::optional<Visit> at;
  world.visit(at, {});
  EXPECT_EQ(world.server(0).in_flight, 1U);
  EXPECT_EQ(pool.in_flight, 1U);
  at->end({.outcome = BreakerOutcome::success, .status = 200}, world.now);
  at.reset();
  EXPECT_EQ(world.server(0).in_flight, 0U);
  EXPECT_EQ(pool.in_flight, 0U);
  EXPECT_EQ(world.server(0).requests, 1U);
}

TEST(Visit, OnlyAPoolThatBoundsItsLoadIsCountedAsAWhole) {
  World world;
  std::optional<Visit> at;
  world.visit(at, {});
  EXPECT_EQ(world.live.pool(world.pool.slot).in_flight, 0U);
}

TEST(Visit, OneThatIsCancelledSaysNothingAndGivesTheProbeBack) {
  World world;
  world.fail();
  world.fail();
  ASSERT_EQ(world.server(0).state.breaker(), BreakerState::open);
  world.wait(shared::seconds(60));
  const BreakerPermit probe = world.permit();
  ASSERT_EQ(probe.kind, Kind::probe);
  const auto responses = world.counted().responses[0].read();
  std::optional<Visit> at;
  world.visit(at, probe);
  EXPECT_EQ(world.server(0).state.breaker(), BreakerState::probing);
  at.reset();
  EXPECT_EQ(world.server(0).state.breaker(), BreakerState::half_open);
  EXPECT_EQ(world.server(0).in_flight, 0U);
  EXPECT_EQ(world.server(0).failures, 2U);
  EXPECT_EQ(world.counted().responses[0].read(), responses);
}

TEST(Visit, FailuresInARowOpenTheBreakerAndASuccessEndsTheRow) {
  World world;
  world.fail();
  EXPECT_EQ(world.server(0).failures_in_a_row, 1U);
  world.one({.outcome = BreakerOutcome::success, .status = 200});
  EXPECT_EQ(world.server(0).failures_in_a_row, 0U);
  world.fail();
  EXPECT_EQ(world.server(0).state.breaker(), BreakerState::closed);
  world.fail();
  EXPECT_EQ(world.server(0).state.breaker(), BreakerState::open);
  EXPECT_EQ(world.server(0).breaker_opened, 1U);
  EXPECT_EQ(world.server(0).failures, 3U);
}

TEST(Visit, CountsWhatCame) {
  World world;
  world.one({.outcome = BreakerOutcome::success, .status = 204});
  world.one({.outcome = BreakerOutcome::failure, .status = 0, .again = true});
  world.one({.outcome = BreakerOutcome::unknown, .status = 404});
  EXPECT_EQ(world.counted().responses[2].read(), 1U);
  EXPECT_EQ(world.counted().responses[0].read(), 1U);
  EXPECT_EQ(world.counted().responses[4].read(), 1U);
  EXPECT_EQ(world.counted().retries.read(), 1U);
  EXPECT_EQ(world.server(0).failures, 1U);
}

TEST(Visit, AProbeIsASuccessWithItsFirstGoodWord) {
  World world;
  world.fail();
  world.fail();
  world.wait(shared::seconds(60));
  std::optional<Visit> at;
  world.visit(at, world.permit());
  at->hear(FirstWord::good, world.now, world.now);
  EXPECT_EQ(world.server(0).state.breaker(), BreakerState::closed) << "its body may stream for hours";
  EXPECT_EQ(at->entered_as(), Kind::probe);
  at->end({.outcome = BreakerOutcome::failure, .status = 200}, world.now);
  EXPECT_EQ(world.server(0).state.breaker(), BreakerState::closed) << "a failure like another";
  at.reset();
  EXPECT_EQ(world.server(0).failures_in_a_row, 3U);
}

TEST(Visit, ABadFirstWordLeavesTheProbeToTheEnd) {
  World world;
  world.fail();
  world.fail();
  world.wait(shared::seconds(60));
  std::optional<Visit> at;
  world.visit(at, world.permit());
  at->hear(FirstWord::bad, world.now, world.now);
  EXPECT_EQ(world.server(0).state.breaker(), BreakerState::probing);
  at->end({.outcome = BreakerOutcome::failure, .status = 502}, world.now);
  EXPECT_EQ(world.server(0).state.breaker(), BreakerState::open);
}

TEST(Visit, WhatFailsCountsAsSlow) {
  World world(Algorithm::least_time);
  const auto mean_ms = [&] {
    return world.server(0).response_time.mean_us(Fading(world.now, world.pool.response_time.half_life)) / 1000;
  };
  std::optional<Visit> at;
  world.visit(at, {});
  world.wait(shared::milliseconds(20));
  EXPECT_EQ(at->hear(FirstWord::good, world.now, world.now), 20000U);
  EXPECT_NEAR(mean_ms(), 20, 1);
  at->end({.outcome = BreakerOutcome::success, .status = 200}, world.now);
  EXPECT_NEAR(mean_ms(), 20, 1);
  world.fail();
  EXPECT_GT(mean_ms(), 1000) << "5 s, however soon it failed";
}

TEST(Visit, WhoHasItsPlaceAlreadyIsCountedOnce) {
  World world;
  world.pool.bounded = true;
  world.pool.servers[0].max_in_flight = 1;
  PoolLive& pool = world.live.pool(world.pool.slot);
  ASSERT_TRUE(take_place(world.pool, world.pool.servers[0], world.live));
  std::optional<Visit> at;
  world.visit(at, {.has_place = true});
  EXPECT_EQ(world.server(0).in_flight, 1U);
  EXPECT_EQ(pool.in_flight, 1U);
  const std::uint32_t releases = pool.releases;
  at.reset();
  EXPECT_EQ(world.server(0).in_flight, 0U);
  EXPECT_EQ(pool.in_flight, 0U);
  EXPECT_EQ(pool.releases, releases + 1) << "who waits looks again";
}

TEST(Visit, AnAdaptiveLimitHearsOfGoodAnswers) {
  World world;
  world.pool.adaptive.mode = shared::Mode::shadow;
  const PoolLive& pool = world.live.pool(world.pool.slot);
  std::optional<Visit> at;
  world.visit(at, {});
  at->hear(FirstWord::good, world.now + shared::milliseconds(3), world.now + shared::milliseconds(3));
  at.reset();
  world.fail();
  EXPECT_EQ(pool.answers, 1U);
  EXPECT_EQ(pool.answer_us, 3000U);
}

}  // namespace
}  // namespace edge::test::visit_test
