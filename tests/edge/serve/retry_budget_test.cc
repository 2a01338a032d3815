// The retry budget as two workers use it at once; what it says to one alone is tested with core. Here the thread
// sanitizer looks on.
#include "edge/core/retry_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace edge {
namespace {

constexpr shared::TimePoint kNow{std::chrono::hours(5)};

TEST(RetryBudgetOfWorkers, TheFirstFailureIsHiddenOnEveryWorker) {
  constexpr int kRounds = 20000;
  std::atomic<int> arrived{0};
  std::atomic<int> refused{0};
  std::vector<RetryBudget> budgets(kRounds);
  const auto worker = [&] {
    for (int round = 0; round < kRounds; ++round) {
      arrived.fetch_add(1);
      for (int turn = 0; arrived.load() < 2 * (round + 1); ++turn) {
        if (turn > 10000) std::this_thread::yield();  // the other has no core of its own
      }
      RetryBudget& budget = budgets[static_cast<std::size_t>(round)];
      if (budget.due(kNow)) budget.earn({}, 60, kNow);
      if (!budget.spend()) refused.fetch_add(1);
    }
  };
  {
    const std::jthread other(worker);
    worker();
  }
  EXPECT_EQ(refused.load(), 0) << "one worker met a budget that the other was about to fill";
}

}  // namespace
}  // namespace edge
