#include "shared/core/refresh_schedule.h"

#include <gtest/gtest.h>

namespace shared::refresh_schedule_test {
namespace {

// A clock that a test moves to whenever the schedule says.
class RefreshScheduleTest : public ::testing::Test {
 protected:
  Duration wait_until(TimePoint next) {
    const Duration waited = next - now_;
    now_ = next;
    return waited;
  }
  Duration answer(Duration ttl) { return wait_until(schedule_.after_answer(settings_, now_, ttl)); }
  Duration failure() { return wait_until(schedule_.after_failure(settings_, now_)); }

  RefreshSettings settings_{.jitter = 0};
  RefreshSchedule schedule_{1};
  TimePoint now_{seconds(1000)};
};

TEST_F(RefreshScheduleTest, GoesByTheTtlWithinBounds) {
  EXPECT_EQ(answer(seconds(60)), seconds(60));
  EXPECT_EQ(answer(seconds(0)), seconds(1));
  EXPECT_EQ(answer(std::chrono::hours(24)), std::chrono::minutes(5));
  EXPECT_EQ(wait_until(schedule_.after_empty(settings_, now_)), seconds(10));
}

TEST_F(RefreshScheduleTest, BacksOffAfterFailuresAndBeginsAgainAfterAnAnswer) {
  for (const int wait : {1, 2, 4, 8, 16, 30, 30}) {
    EXPECT_EQ(failure(), seconds(wait));
    EXPECT_TRUE(schedule_.failing());
  }
  EXPECT_EQ(answer(seconds(60)), seconds(60));
  EXPECT_FALSE(schedule_.failing());
  EXPECT_EQ(failure(), seconds(1));
}

// Later by up to a tenth: never before the TTL is over, and not in step.
TEST_F(RefreshScheduleTest, DrawsEachWait) {
  settings_.jitter = 0.1;
  RefreshSchedule other(2);
  Duration least = Duration::max();
  Duration most{};
  int in_step = 0;
  for (int i = 0; i < 1000; ++i) {
    const TimePoint theirs = other.after_answer(settings_, now_, seconds(60));
    in_step += schedule_.after_answer(settings_, now_, seconds(60)) == theirs ? 1 : 0;
    const Duration waited = answer(seconds(60));
    least = std::min(least, waited);
    most = std::max(most, waited);
  }
  EXPECT_GE(least, seconds(60));
  EXPECT_LT(least, seconds(61));
  EXPECT_GT(most, seconds(65));
  EXPECT_LE(most, seconds(66));
  EXPECT_EQ(in_step, 0);
}

}  // namespace
}  // namespace shared::refresh_schedule_test
