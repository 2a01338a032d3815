// What a round of attempts and the health machine make of lost probes and of silence, in simulated time.
#include "shared/core/probe_plan.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>

namespace shared::probe_plan_test {
namespace {

constexpr HealthSettings kDefault{.fall = 3, .rise = 2};
constexpr Duration kInterval = seconds(2);
constexpr Duration kTimeout = seconds(1);
constexpr int kRoundsInAnHour = 1800;

// One target as the Prober sees it, each attempt lost with some probability.
class LossyTarget {
 public:
  explicit LossyTarget(std::uint64_t seed) : random_(seed) {}

  // `attempts`: of a round; nothing: as the plan says. True if the state changed.
  bool round(double loss, std::optional<unsigned> attempts = std::nullopt) {
    const unsigned most = attempts.value_or(ProbePlan(suspicion_.next()).attempts());
    bool answered = false;
    for (unsigned i = 0; i < most && !answered; ++i) answered = unit_(random_) >= loss;
    const ProbeOutcome outcome = answered ? ProbeOutcome::success : ProbeOutcome::failure;
    suspicion_.note(outcome);
    return machine_.observe(outcome, kDefault);
  }
  [[nodiscard]] HealthState state() const { return machine_.state(); }

 private:
  std::mt19937_64 random_;
  std::uniform_real_distribution<double> unit_;
  ProbeSuspicion suspicion_;
  HealthMachine machine_;
};

TEST(ProbePlan, AttemptsBeginInTheFirstHalfOfTheTimeout) {
  for (const ProbeCare care : {ProbeCare::usual, ProbeCare::suspicious}) {
    const ProbePlan plan(care);
    EXPECT_EQ(plan.begin_of(0, kTimeout), Duration::zero());
    EXPECT_EQ(plan.begin_of(plan.attempts() - 1, kTimeout), kTimeout / 2);
    for (unsigned i = 1; i < plan.attempts(); ++i) {
      EXPECT_GT(plan.begin_of(i, kTimeout), plan.begin_of(i - 1, kTimeout));
    }
  }
}

TEST(ProbePlan, CareFollowsWhatTheRoundsSaid) {
  ProbeSuspicion suspicion;
  EXPECT_EQ(suspicion.next(), ProbeCare::suspicious) << "the first result counts at once";
  suspicion.note(ProbeOutcome::success);
  EXPECT_EQ(suspicion.next(), ProbeCare::usual);
  for (int i = 0; i < 9; ++i) {
    suspicion.note(ProbeOutcome::failure);
    EXPECT_EQ(suspicion.next(), ProbeCare::suspicious);
  }
  suspicion.note(ProbeOutcome::failure);
  EXPECT_EQ(suspicion.next(), ProbeCare::usual) << "silent for long";
  suspicion.note(ProbeOutcome::success);
  suspicion.note(ProbeOutcome::refused);
  EXPECT_EQ(suspicion.next(), ProbeCare::suspicious);
}

// 500 hours of one edge. One attempt a round and three failures in a row, as it is usually done, fall over and over.
TEST(ProbePlan, TenPercentOfLostProbesNeverMoveAnything) {
  LossyTarget planned(1);
  LossyTarget naive(1);
  int moved = 0;
  int naively_moved = 0;
  planned.round(0);
  naive.round(0);
  for (int round = 0; round < 500 * kRoundsInAnHour; ++round) {
    moved += planned.round(0.1) ? 1 : 0;
    naively_moved += naive.round(0.1, 1) ? 1 : 0;
  }
  EXPECT_EQ(moved, 0);
  EXPECT_EQ(planned.state(), HealthState::up);
  EXPECT_GT(naively_moved, 500) << "this loss would be seen if it were not for the plan";
}

TEST(ProbePlan, EvenTheFirstRoundOfManyStartsIsNotFooled) {
  int down = 0;
  for (std::uint64_t start = 0; start < 2000; ++start) {
    LossyTarget target(start);
    target.round(0.1);
    down += target.state() == HealthState::down ? 1 : 0;
  }
  EXPECT_LE(down, 1) << "one in 100,000 is expected";
}

// Whatever the losses before, silence is noticed after `fall` rounds, hence within fall x interval + timeout.
TEST(ProbePlan, SilenceIsNoticedAsSoonAsWithOneAttempt) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    LossyTarget target(seed);
    target.round(0);
    for (int round = 0; round < 50; ++round) target.round(0.1);
    ASSERT_EQ(target.state(), HealthState::up);
    int rounds = 0;
    while (target.state() == HealthState::up) {
      target.round(1);
      ++rounds;
    }
    // A round began at most one interval after the silence did; the last one ends with its timeout.
    ASSERT_LE(rounds, kDefault.fall);
    ASSERT_LE(rounds * kInterval + kTimeout, seconds(7));
  }
}

}  // namespace
}  // namespace shared::probe_plan_test
