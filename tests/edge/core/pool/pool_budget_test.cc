#include "edge/core/pool/pool_budget.h"

#include <gtest/gtest.h>

#include "tests/edge/core/pool_world.h"

namespace edge::pool_budget_test {
namespace {

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

}  // namespace
}  // namespace edge::pool_budget_test
