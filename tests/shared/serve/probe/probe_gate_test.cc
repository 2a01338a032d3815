#include "shared/serve/probe/probe_gate.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace shared::probe_gate_test {
namespace {

class Gate : public ::testing::Test {
 protected:
  // Turns until nothing is left to do.
  void turn() {
    loop_.restart();
    loop_.poll();
  }
  void ask(const std::string& who) {
    gate_->wait([this, who] {
      gate_->opened();
      begun_ += who;
    });
  }

  Loop loop_;
  std::shared_ptr<ProbeGate> gate_ = std::make_shared<ProbeGate>(loop_, 2);
  std::string begun_;
};

TEST_F(Gate, WhoWaitsBeginsInTurnWhenOneCloses) {
  gate_->opened();
  EXPECT_FALSE(gate_->full());
  gate_->opened();
  EXPECT_TRUE(gate_->full());
  ask("a");
  ask("b");
  turn();
  EXPECT_EQ(begun_, "") << "nothing has closed";
  gate_->closed();
  EXPECT_EQ(begun_, "") << "not inside of whoever closes";
  turn();
  EXPECT_EQ(begun_, "a");
  EXPECT_EQ(gate_->open(), 2U);
  gate_->closed();
  gate_->closed();
  turn();
  EXPECT_EQ(begun_, "ab");
}

TEST_F(Gate, KeptConnectionsLeaveHalfForRounds) {
  gate_->limit(4);
  for (int i = 0; i < 2; ++i) gate_->opened();
  EXPECT_TRUE(gate_->may_keep());
  gate_->opened();
  EXPECT_FALSE(gate_->may_keep());
}

TEST_F(Gate, ZeroIsNoBound) {
  gate_->limit(0);
  for (int i = 0; i < 1000; ++i) gate_->opened();
  EXPECT_FALSE(gate_->full());
  EXPECT_TRUE(gate_->may_keep());
}

// 10,000 checks of a start must not all be due in one instant.
TEST_F(Gate, BeginningsAreSpreadOverTheInterval) {
  const TimePoint now{seconds(100)};
  gate_->spread(milliseconds(100), 1000);
  EXPECT_EQ(gate_->next_turn(now), now);
  EXPECT_EQ(gate_->next_turn(now), now + std::chrono::microseconds(100));
  EXPECT_EQ(gate_->next_turn(now), now + std::chrono::microseconds(200));
  EXPECT_EQ(gate_->next_turn(now + seconds(1)), now + seconds(1)) << "nobody has asked for a while";
  gate_->spread(seconds(10), 2);
  (void)gate_->next_turn(now + seconds(2));
  EXPECT_EQ(gate_->next_turn(now + seconds(2)), now + seconds(2) + ProbeGate::kLongestGap)
      << "a few begin as fast as a thousand a second";
}

}  // namespace
}  // namespace shared::probe_gate_test
