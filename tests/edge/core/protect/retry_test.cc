#include "edge/core/protect/retry.h"

#include <gtest/gtest.h>

#include "edge/core/pool/pool_budget.h"
#include "edge/core/protect/latency_window.h"
#include "tests/edge/core/pool_world.h"

namespace edge {
namespace {

using shared::milliseconds;
using shared::TimePoint;

TEST(SafeToRetry, OnlyWhileNobodyCanNotice) {
  const FailedTry get{
      .side = Side::upstream, .connected = true, .answering = false, .idempotent = true, .replayable = true};
  EXPECT_TRUE(safe_to_retry(get));
  FailedTry one = get;
  one.answering = true;
  EXPECT_FALSE(safe_to_retry(one)) << "the client has a part of the answer";
  one = get;
  one.replayable = false;
  EXPECT_FALSE(safe_to_retry(one)) << "a part of the body is gone";
  one = get;
  one.side = Side::client;
  EXPECT_FALSE(safe_to_retry(one));
  one = get;
  one.idempotent = false;
  EXPECT_FALSE(safe_to_retry(one)) << "a POST that the server may have seen";
  one.connected = false;
  EXPECT_TRUE(safe_to_retry(one)) << "a POST that no server has seen";
  one.replayable = false;
  EXPECT_FALSE(safe_to_retry(one));
}

constexpr TimePoint kStart{std::chrono::hours(5)};
constexpr RetryBudgetSettings kSettings{.share = 0.2, .min_rate = 10};

bool spend(RetryBudget& budget, std::uint64_t requests, TimePoint now) {
  if (budget.due(now)) budget.earn(kSettings, requests, now);
  return budget.spend();
}

int spend_all(RetryBudget& budget, std::uint64_t requests, TimePoint now) {
  int spent = 0;
  while (spent < 100000 && spend(budget, requests, now)) ++spent;
  return spent;
}

TEST(RetryBudget, StartsWithTheLeastRateOfAWindow) {
  RetryBudget budget;
  EXPECT_EQ(spend_all(budget, 0, kStart), 100);
  EXPECT_FALSE(spend(budget, 0, kStart));
  EXPECT_NEAR(spend_all(budget, 0, kStart + milliseconds(1000)), 10, 1);
}

TEST(RetryBudget, AShareOfTheRequests) {
  RetryBudget budget;
  spend_all(budget, 0, kStart);
  // 1,000 requests in one second: 200 retries, and 10 for the second.
  EXPECT_NEAR(spend_all(budget, 1000, kStart + milliseconds(1000)), 210, 2);
}

TEST(RetryBudget, AQuietDayDoesNotPayForAStorm) {
  RetryBudget budget;
  spend_all(budget, 0, kStart);
  // A million requests in an hour: a window of ten seconds has 2,777 of them.
  EXPECT_NEAR(spend_all(budget, 1'000'000, kStart + std::chrono::hours(1)), 555 + 100, 5);
}

// What Control does once a second, before and while nothing is wrong.
TEST(PoolBudget, ADayWithoutTroubleDoesNotPayForTheFirstStorm) {
  test::PoolWorld world(test::Algorithm::round_robin, {1, 1});
  world.pool.retry.budget_share = 0.2;
  world.pool.retry.budget_rate = 10;
  for (int second = 0; second < 86'400; ++second) {
    const bool night = second > 43'200;
    for (std::size_t i = 0; i < 2; ++i) world.server(i).requests += night ? 1 : 1'000;
    earn(world.pool, world.live, world.now + std::chrono::seconds(second));
  }
  RetryBudget& budget = world.live.pool(world.pool.slot).budget;
  int spent = 0;
  while (budget.spend()) ++spent;
  EXPECT_NEAR(spent, 0.2 * 20 + 100, 5) << "of ten seconds at night";
}

TEST(PoolBudget, RetriesEarnNothing) {
  test::PoolWorld world(test::Algorithm::round_robin, {1});
  world.server(0).requests = 500;
  world.live.pool(world.pool.slot).again = 200;
  EXPECT_EQ(requests_of(world.pool, world.live), 300U);
  world.live.pool(world.pool.slot).again = 700;  // of servers that are gone, too
  EXPECT_EQ(requests_of(world.pool, world.live), 0U);
}

TEST(RetryBudget, UnderSteadyTroubleTheShareHolds) {
  RetryBudget budget;
  spend_all(budget, 0, kStart);
  std::uint64_t requests = 0;
  int spent = 0;
  for (int ms = 10; ms <= 60000; ms += 10) {
    requests += 10;  // 1,000 a second, all of which want a retry
    for (int i = 0; i < 10; ++i) spent += spend(budget, requests, kStart + milliseconds(ms)) ? 1 : 0;
  }
  EXPECT_NEAR(spent, 60 * 210, 300);
}

TEST(LatencyWindow, SaysNothingBeforeItKnowsEnough) {
  LatencyWindow window;
  for (int i = 0; i < 49; ++i) window.record(1000);
  EXPECT_EQ(window.quantile(0.95), 0u);
  window.record(1000);
  EXPECT_GE(window.quantile(0.95), 1000u);
  EXPECT_LE(window.quantile(0.95), 1250u);
}

TEST(LatencyWindow, IsAtMostAQuarterTooMuchAndNeverTooLittle) {
  for (std::uint64_t value = 1; value < (std::uint64_t{1} << 27); value += 1 + value / 3) {
    LatencyWindow window;
    for (int i = 0; i < 60; ++i) window.record(value);
    EXPECT_GT(window.quantile(0.5), value);
    EXPECT_LE(window.quantile(0.5), value < 4 ? value + 1 : value + value / 4 + 1) << value;
    EXPECT_EQ(window.quantile(1), std::uint64_t{8} << 25) << "more than all: the end of the scale";
  }
  LatencyWindow window;
  for (int i = 0; i < 60; ++i) window.record(i < 30 ? (std::uint64_t{1} << 27) - 1 : std::uint64_t{1} << 27);
  EXPECT_EQ(window.quantile(0.25), std::uint64_t{1} << 27);
  EXPECT_EQ(window.quantile(0.75), std::uint64_t{8} << 25) << "all that is longer than two minutes";
}

TEST(LatencyWindow, FollowsWhatIsRecent) {
  LatencyWindow window;
  for (int i = 0; i < 5000; ++i) window.record(static_cast<std::uint64_t>(i % 100 < 90 ? 1000 : 50000));
  EXPECT_GE(window.quantile(0.95), 50000u);
  EXPECT_LE(window.quantile(0.5), 1250u);
  for (int i = 0; i < 10000; ++i) window.record(2000);
  EXPECT_LE(window.quantile(0.95), 2500u);
  for (int i = 0; i < 3000; ++i) window.record(std::uint64_t{1} << 40);
  EXPECT_GE(window.quantile(0.95), std::uint64_t{1} << 27);
}

}  // namespace
}  // namespace edge
