#include "dns/core/health/probed_edge.h"

#include <gtest/gtest.h>

namespace dns::probed_edge_test {
namespace {

using shared::seconds;

class ProbedEdgeTest : public testing::Test {
 protected:
  void see(EdgeOutcome outcome, unsigned times = 1) {
    for (unsigned i = 0; i < times; ++i) edge_.observe(outcome, now_ += seconds(1), settings_);
  }

  shared::TimePoint now_{seconds(1000)};
  ProbedEdgeSettings settings_;
  ProbedEdge edge_;
};

TEST_F(ProbedEdgeTest, IsUnknownUntilTheFirstResultWhichCountsAtOnce) {
  EXPECT_EQ(edge_.state(now_), EdgeState::unknown);
  see(EdgeOutcome::success);
  EXPECT_EQ(edge_.state(now_), EdgeState::up);
}

TEST_F(ProbedEdgeTest, ItsOwnWordDrainsItAtOnce) {
  see(EdgeOutcome::success);
  see(EdgeOutcome::draining);
  EXPECT_TRUE(edge_.draining());
  EXPECT_EQ(edge_.state(now_), EdgeState::drained);
  see(EdgeOutcome::success);
  EXPECT_EQ(edge_.state(now_), EdgeState::up);
}

TEST_F(ProbedEdgeTest, ARefusalIsProof) {
  see(EdgeOutcome::success);
  see(EdgeOutcome::refused);
  EXPECT_EQ(edge_.state(now_), EdgeState::down);
  EXPECT_FALSE(edge_.silenced_since(shared::TimePoint{}));
}

TEST_F(ProbedEdgeTest, AFallBySilenceIsKnownAsOneUntilItIsHeardToBeIll) {
  see(EdgeOutcome::success);
  const shared::TimePoint before = now_;
  see(EdgeOutcome::silence, settings_.health.fall);
  EXPECT_EQ(edge_.state(now_), EdgeState::down);
  EXPECT_TRUE(edge_.silenced_since(before));
  edge_.keep();
  EXPECT_EQ(edge_.shown(now_), EdgeState::up) << "as it was before";
  see(EdgeOutcome::failure);
  EXPECT_FALSE(edge_.kept());
  EXPECT_EQ(edge_.shown(now_), EdgeState::down);
  EXPECT_FALSE(edge_.silenced_since(before)) << "or the next suspicion keeps one that is known to be ill";
}

TEST_F(ProbedEdgeTest, AFallBySilenceIsForgottenWithTheRecovery) {
  see(EdgeOutcome::success);
  const shared::TimePoint before = now_;
  see(EdgeOutcome::silence, settings_.health.fall);
  edge_.keep();
  ASSERT_TRUE(edge_.silenced_since(before));
  see(EdgeOutcome::success, settings_.health.rise);
  EXPECT_EQ(edge_.machine().state(), shared::HealthState::up);
  EXPECT_FALSE(edge_.silenced_since(before));
  EXPECT_FALSE(edge_.kept());
}

}  // namespace
}  // namespace dns::probed_edge_test
