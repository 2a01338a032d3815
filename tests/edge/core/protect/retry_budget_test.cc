#include "edge/core/protect/retry_budget.h"

#include <gtest/gtest.h>

namespace edge::retry_budget_test {
namespace {

using shared::milliseconds;
using shared::TimePoint;

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

}  // namespace
}  // namespace edge::retry_budget_test
