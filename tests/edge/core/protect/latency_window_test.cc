#include "edge/core/protect/latency_window.h"

#include <gtest/gtest.h>

namespace edge::latency_window_test {
namespace {

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
}  // namespace edge::latency_window_test
