// The state of servers and pools as two workers change it at once; what it says to one alone is tested with core. Here
// the thread sanitizer looks on.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "edge/core/protect/breaker.h"
#include "edge/core/protect/eligibility.h"
#include "edge/core/protect/response_time.h"
#include "edge/core/protect/retry_budget.h"
#include "tests/support/at_once.h"

namespace edge::shared_state_test {
namespace {

using shared::milliseconds;
using shared::seconds;
using shared::TimePoint;

constexpr TimePoint kNow{std::chrono::hours(5)};

// They knock and leave; at rest no probe is left over and the mirror is right.
TEST(SharedState, PermitsOfTheBreakerAreNotLost) {
  BreakerSettings settings;
  settings.failures = 3;
  settings.probes = 2;
  settings.successes = 2;
  settings.open = settings.max_open = milliseconds(8);
  settings.jitter = 0;
  Breaker breaker;
  ServerState mirror;
  test::at_once(2, [&](unsigned worker) {
    std::mt19937 random(worker);
    for (int i = 0; i < 20000; ++i) {
      const TimePoint now = kNow + milliseconds(i);
      const auto permit = breaker.enter(settings, now, mirror);
      if (permit.refused()) continue;
      const auto outcome = random() % 3 == 0 ? BreakerOutcome::success : BreakerOutcome::failure;
      breaker.leave(permit, outcome, settings, now, worker, mirror);
    }
  });
  EXPECT_EQ(BreakerWord::unpack(breaker.word()).probes, 0);
  const TimePoint later = kNow + milliseconds(30000);
  breaker.tick(settings, later, mirror);
  EXPECT_EQ(mirror.breaker(), breaker.state_at(settings, later));
}

TEST(SharedState, OneOfSeveralTakesTheBreakerForward) {
  ServerState state;
  state.set_breaker(BreakerState::half_open);
  std::atomic<int> winners{0};
  test::at_once(2, [&](unsigned) {
    state.set_draining(true);
    if (state.change_breaker(BreakerState::half_open, BreakerState::probing)) ++winners;
  });
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(state.breaker(), BreakerState::probing);
  EXPECT_TRUE(state.draining());
}

TEST(SharedState, TheResponseTimeSurvivesTwoWriters) {
  ResponseTime time;
  test::at_once(2, [&](unsigned worker) {
    for (int i = 0; i < 20000; ++i) time.observe(milliseconds(2 + worker), kNow + milliseconds(i), seconds(1));
  });
  const float mean = time.mean_us(kNow + milliseconds(20000), seconds(1));
  EXPECT_GT(mean, 1900.0F);
  EXPECT_LE(mean, 3000.0F);
}

TEST(SharedState, TheFirstFailureIsHiddenOnEveryWorker) {
  constexpr int kRounds = 20000;
  std::atomic<int> arrived{0};
  std::atomic<int> refused{0};
  std::vector<RetryBudget> budgets(kRounds);
  test::at_once(2, [&](unsigned) {
    for (int round = 0; round < kRounds; ++round) {
      arrived.fetch_add(1);
      for (int turn = 0; arrived.load() < 2 * (round + 1); ++turn) {
        if (turn > 10000) std::this_thread::yield();  // the other has no core of its own
      }
      RetryBudget& budget = budgets[static_cast<std::size_t>(round)];
      if (budget.due(kNow)) budget.earn({}, 60, kNow);
      if (!budget.spend()) refused.fetch_add(1);
    }
  });
  EXPECT_EQ(refused.load(), 0) << "one worker met a budget that the other was about to fill";
}

}  // namespace
}  // namespace edge::shared_state_test
