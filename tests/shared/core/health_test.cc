#include "shared/core/health.h"

#include <gtest/gtest.h>

namespace shared::health_test {
namespace {

constexpr HealthSettings kSettings{.fall = 3, .rise = 2};

TEST(HealthMachine, FirstResultCountsWithoutHysteresis) {
  HealthMachine unknown;
  EXPECT_TRUE(unknown.observe(ProbeOutcome::failure, kSettings));
  EXPECT_EQ(unknown.state(), HealthState::down);
  HealthMachine persisted(HealthState::up);
  EXPECT_TRUE(persisted.observe(ProbeOutcome::failure, kSettings));
  EXPECT_EQ(persisted.state(), HealthState::down);
}

TEST(HealthMachine, NeedsFallAndRiseInARow) {
  HealthMachine m;
  m.observe(ProbeOutcome::success, kSettings);
  m.observe(ProbeOutcome::failure, kSettings);
  m.observe(ProbeOutcome::failure, kSettings);
  EXPECT_TRUE(m.flip_pending());
  m.observe(ProbeOutcome::success, kSettings);
  EXPECT_FALSE(m.flip_pending());
  m.observe(ProbeOutcome::failure, kSettings);
  m.observe(ProbeOutcome::failure, kSettings);
  EXPECT_EQ(m.state(), HealthState::up);
  EXPECT_TRUE(m.observe(ProbeOutcome::failure, kSettings));
  EXPECT_FALSE(m.observe(ProbeOutcome::success, kSettings));
  EXPECT_TRUE(m.observe(ProbeOutcome::success, kSettings));
}

TEST(HealthMachine, RefusedIsProof) {
  HealthMachine m;
  m.observe(ProbeOutcome::success, kSettings);
  EXPECT_TRUE(m.observe(ProbeOutcome::refused, kSettings));
  EXPECT_EQ(m.state(), HealthState::down);
}

// Every sequence of 8 outcomes against a slow, obvious reference: down after 3 bad in a row or one refusal, up after 2
// good.
TEST(HealthMachine, AgreesWithTheObviousRuleOnAllShortSequences) {
  constexpr ProbeOutcome kOutcomes[] = {ProbeOutcome::success, ProbeOutcome::failure, ProbeOutcome::refused};
  for (int code = 0; code < 6561; ++code) {
    HealthMachine m;
    int good = 0, bad = 0, rest = code;
    HealthState expected = HealthState::unknown;
    for (int i = 0; i < 8; ++i, rest /= 3) {
      const ProbeOutcome outcome = kOutcomes[rest % 3];
      const bool success = outcome == ProbeOutcome::success;
      good = success ? good + 1 : 0;
      bad = success ? 0 : bad + 1;
      if (expected == HealthState::unknown)
        expected = success ? HealthState::up : HealthState::down;
      else if (outcome == ProbeOutcome::refused || bad >= 3)
        expected = HealthState::down;
      else if (good >= 2)
        expected = HealthState::up;
      m.observe(outcome, kSettings);
      ASSERT_EQ(m.state(), expected) << "sequence " << code << " step " << i;
    }
  }
}

TEST(HealthMachine, DegradedLiesBetweenUpAndDown) {
  HealthMachine m;
  m.observe(ProbeOutcome::success, kSettings);
  EXPECT_FALSE(m.observe(ProbeOutcome::degraded, kSettings));
  EXPECT_FALSE(m.observe(ProbeOutcome::degraded, kSettings));
  EXPECT_TRUE(m.observe(ProbeOutcome::degraded, kSettings));
  EXPECT_EQ(m.state(), HealthState::degraded);
  EXPECT_FALSE(m.observe(ProbeOutcome::success, kSettings));
  EXPECT_TRUE(m.observe(ProbeOutcome::success, kSettings));
  EXPECT_EQ(m.state(), HealthState::up);
}

TEST(HealthMachine, AMixedRowTakesTheMildestChange) {
  HealthMachine m;
  m.observe(ProbeOutcome::success, kSettings);
  m.observe(ProbeOutcome::failure, kSettings);
  m.observe(ProbeOutcome::degraded, kSettings);
  EXPECT_TRUE(m.observe(ProbeOutcome::failure, kSettings));
  EXPECT_EQ(m.state(), HealthState::degraded) << "never three failures in a row";
  for (int i = 0; i < 3; ++i) m.observe(ProbeOutcome::failure, kSettings);
  EXPECT_EQ(m.state(), HealthState::down);
  m.observe(ProbeOutcome::success, kSettings);
  EXPECT_TRUE(m.observe(ProbeOutcome::degraded, kSettings));
  EXPECT_EQ(m.state(), HealthState::degraded);
}

TEST(HealthMachine, ATurnBeginsANewRow) {
  HealthMachine m;
  m.observe(ProbeOutcome::degraded, kSettings);
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(m.observe(ProbeOutcome::failure, kSettings));
    EXPECT_FALSE(m.observe(ProbeOutcome::success, kSettings));
  }
  EXPECT_EQ(m.state(), HealthState::degraded);
}

}  // namespace
}  // namespace shared::health_test
