// The limit against a model of servers that can work on so many requests at a time: beyond that they share, and far
// beyond they thrash, so that more in flight means less done.
#include "edge/core/protect/adaptive_limit.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace edge::adaptive_limit_test {
namespace {

using shared::milliseconds;

struct Servers {
  double slots = 10;
  double base_us = 20'000;
  double thrash_from = 4;  // times the slots in flight; every further such amount costs as much again

  // Of a request, with so many in flight.
  [[nodiscard]] double micros(double in_flight) const {
    const double waits = std::max(1.0, in_flight / slots);
    const double thrash = std::max(0.0, in_flight / (slots * thrash_from) - 1);
    return base_us * waits * (1 + thrash);
  }
  [[nodiscard]] double best_a_second() const { return slots / base_us * 1e6; }
};

// Windows of 100 ms, in which a steady state is reached: what is offered, as far as the limit lets it in.
struct World {
  AdaptiveSettings settings{.mode = shared::Mode::enforce, .min = 2, .max = 1000};
  AdaptiveLimit limit;
  AdaptiveLimit::Totals totals;
  shared::TimePoint now{std::chrono::hours(1)};
  Servers servers;
  double done = 0;     // a second, in the last window
  double latency = 0;  // microseconds, likewise

  World() { limit.update(settings, totals, now); }

  // `offered`: requests a second; what is not let in goes away.
  void window(double offered) {
    double in_flight = offered * servers.base_us / 1e6;  // if nobody waited
    // Who waits stays longer, and more come meanwhile: up to the limit.
    if (in_flight > servers.slots) in_flight = limit.limit();
    in_flight = std::min(in_flight, static_cast<double>(limit.limit()));
    latency = servers.micros(in_flight);
    done = std::min(offered, in_flight / latency * 1e6);
    const double answers = std::max(done / 10, 1.0);
    totals.answers += static_cast<std::uint64_t>(answers);
    totals.micros += static_cast<std::uint64_t>(answers * latency);
    totals.in_flight = static_cast<std::uint32_t>(in_flight);
    now += milliseconds(100);
    limit.update(settings, totals, now);
  }
  void seconds(int count, double offered) {
    for (int i = 0; i < count * 10; ++i) window(offered);
  }
};

TEST(AdaptiveLimit, GrowsOnlyWhereItIsUsed) {
  World world;
  world.seconds(10, 50);  // one at a time
  EXPECT_EQ(world.limit.limit(), AdaptiveLimit::kFirst);
  EXPECT_NEAR(world.limit.floor_us(), 20'000, 1);
}

TEST(AdaptiveLimit, FindsWhatTheServersCanDo) {
  World world;
  world.servers.slots = 200;
  world.seconds(5, 500);     // calm
  world.seconds(20, 9'000);  // nine tenths of all they can do: 180 at a time
  EXPECT_GE(world.limit.limit(), 180U) << "everybody is let in";
  EXPECT_NEAR(world.done, 9'000, 10);
  EXPECT_LE(world.limit.limit(), 400U);
}

TEST(AdaptiveLimit, ThreeTimesTheLoadForTenMinutesDoesNotCollapse) {
  World world;
  world.seconds(5, 0.5 * world.servers.best_a_second());
  double least = world.servers.best_a_second();
  double longest = 0;
  for (int i = 0; i < 6000; ++i) {
    world.window(3 * world.servers.best_a_second());
    if (i < 50) continue;  // five seconds to find it
    least = std::min(least, world.done);
    longest = std::max(longest, world.latency);
  }
  EXPECT_GE(least, 0.97 * world.servers.best_a_second()) << "the work done stays at capacity";
  EXPECT_LE(longest, 3 * world.servers.base_us) << "and answers take little longer";
  // Without the limit they would thrash: as much is in flight as anybody offers.
  EXPECT_LT(1000 / world.servers.micros(1000) * 1e6, 0.1 * world.servers.best_a_second());
}

TEST(AdaptiveLimit, IsItselfAgainSecondsAfterTheLoadHasGone) {
  World world;
  world.seconds(5, 0.5 * world.servers.best_a_second());
  const std::uint32_t calm = world.limit.limit();
  world.seconds(60, 3 * world.servers.best_a_second());
  world.seconds(3, 0.9 * world.servers.best_a_second());
  EXPECT_NEAR(world.done, 0.9 * world.servers.best_a_second(), 1);
  EXPECT_NEAR(world.latency, world.servers.base_us, 1);
  EXPECT_GE(world.limit.limit() + 5, std::min(calm, 10U));
  EXPECT_LE(world.limit.floor_us(), 1.05 * world.servers.base_us);
}

TEST(AdaptiveLimit, LosesServersAndGetsThemBack) {
  World world;
  world.seconds(30, 0.9 * world.servers.best_a_second());
  world.servers.slots = 5;
  world.seconds(30, 900);
  EXPECT_GE(world.done, 0.97 * world.servers.best_a_second());
  EXPECT_LE(world.latency, 3 * world.servers.base_us);
  world.servers.slots = 10;
  world.seconds(10, 450);
  EXPECT_NEAR(world.done, 450, 1);
}

TEST(AdaptiveLimit, BelievesAServiceThatHasBecomeSlowerForGood) {
  World world;
  world.servers.slots = 100;
  world.seconds(30, 4'500);
  world.servers.base_us = 80'000;  // 1,250 a second are all it can do now
  world.seconds(30, 1'100);
  EXPECT_NEAR(world.done, 1'100, 10) << "nobody is kept out for it";
  EXPECT_GE(world.limit.floor_us(), 50'000);
}

TEST(AdaptiveLimit, StaysBetweenMinAndMax) {
  World world;
  world.settings.min = 8;
  world.settings.max = 12;
  world.seconds(1, 100);
  EXPECT_EQ(world.limit.limit(), 12U);
  world.servers.slots = 1;
  world.seconds(10, 1'000);
  EXPECT_GE(world.limit.limit(), 8U);
  world.settings.min = 100;
  world.settings.max = 100;
  world.seconds(1, 100);
  EXPECT_EQ(world.limit.limit(), 100U) << "after a reload";
}

TEST(AdaptiveLimit, TooFewAnswersSayNothing) {
  World world;
  const std::uint32_t before = world.limit.limit();
  world.totals.answers += AdaptiveLimit::kFewest - 1;
  world.totals.micros += 1'000'000'000;
  world.now += shared::seconds(10);
  EXPECT_EQ(world.limit.update(world.settings, world.totals, world.now), before);
  world.totals.answers += 1;
  EXPECT_NE(world.limit.update(world.settings, world.totals, world.now), 0U);
  EXPECT_GT(world.limit.mean_us(), 0) << "and count in the window that they make full";
}

}  // namespace
}  // namespace edge::adaptive_limit_test
