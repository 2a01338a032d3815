#include "dns/core/health/hold_down.h"

#include <gtest/gtest.h>

namespace dns::hold_down_test {
namespace {

using shared::Duration;
using shared::seconds;
using shared::TimePoint;

const TimePoint kStart{std::chrono::hours(1)};
constexpr HoldDownSettings kSettings{seconds(5), seconds(60)};

Duration held_for(const HoldDown& edge, TimePoint now) {
  const auto until = edge.until(now);
  return until ? *until - now : Duration::zero();
}

TEST(HoldDown, TheFirstFallCostsNothingAndEachFurtherOneTwiceAsMuch) {
  HoldDown edge;
  std::vector<Duration> held;
  for (int fall = 0; fall < 8; ++fall) {
    edge.fell(kStart, kSettings);
    EXPECT_FALSE(edge.until(kStart)) << "it is down: there is nothing to hold";
    edge.recovered(kStart, kSettings);
    held.push_back(held_for(edge, kStart));
  }
  EXPECT_EQ(held, (std::vector<Duration>{seconds(0), seconds(5), seconds(10), seconds(20), seconds(40), seconds(60),
                                         seconds(60), seconds(60)}));
  EXPECT_TRUE(edge.until(kStart + seconds(59)));
  EXPECT_FALSE(edge.until(kStart + seconds(60)));
}

TEST(HoldDown, FallsAreForgottenOneByOneWhileItIsWell) {
  HoldDown edge;
  for (int fall = 0; fall < 3; ++fall) edge.fell(kStart, kSettings);
  edge.recovered(kStart, kSettings);
  EXPECT_EQ(edge.falls(kStart + seconds(59), kSettings), 3U);
  EXPECT_EQ(edge.falls(kStart + seconds(60), kSettings), 2U);
  EXPECT_EQ(edge.falls(kStart + seconds(3600), kSettings), 0U);
  edge.fell(kStart + seconds(130), kSettings);
  edge.recovered(kStart + seconds(131), kSettings);
  EXPECT_EQ(held_for(edge, kStart + seconds(131)), seconds(5)) << "one fall was left, and this one";
}

TEST(HoldDown, NothingIsForgottenWhileItIsDown) {
  HoldDown edge;
  for (int fall = 0; fall < 3; ++fall) {
    edge.recovered(kStart, kSettings);
    edge.fell(kStart, kSettings);
  }
  EXPECT_EQ(edge.falls(kStart + seconds(3600), kSettings), 3U);
}

// However long it has flapped, it is as good as new after a bounded time.
TEST(HoldDown, ManyFallsAreNotRememberedForEver) {
  HoldDown edge;
  for (int fall = 0; fall < 10000; ++fall) {
    edge.fell(kStart, kSettings);
    edge.recovered(kStart, kSettings);
  }
  EXPECT_EQ(held_for(edge, kStart), seconds(60));
  EXPECT_EQ(edge.falls(kStart + seconds(600), kSettings), 0U);
}

TEST(HoldDown, OffHoldsNothing) {
  constexpr HoldDownSettings kOff{seconds(0), seconds(60)};
  HoldDown edge;
  for (int fall = 0; fall < 5; ++fall) {
    edge.fell(kStart, kOff);
    edge.recovered(kStart, kOff);
    EXPECT_FALSE(edge.until(kStart));
  }
  EXPECT_EQ(edge.falls(kStart, kOff), 0U);
}

// An edge that runs for 1.2 s and is down for 0.3 s: a number of changes that does not grow with the time.
TEST(HoldDown, ACrashLoopReturnsOnce) {
  HoldDown edge;
  int returns = 0;
  for (TimePoint now = kStart; now < kStart + seconds(600); now += std::chrono::milliseconds(1500)) {
    edge.fell(now, kSettings);
    edge.recovered(now + std::chrono::milliseconds(700), kSettings);
    if (!edge.until(now + std::chrono::milliseconds(1499))) ++returns;
  }
  EXPECT_EQ(returns, 1);
}

}  // namespace
}  // namespace dns::hold_down_test
