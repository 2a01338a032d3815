#include "shared/core/heartbeats.h"

#include <array>

#include <gtest/gtest.h>

namespace shared::heartbeats_test {
namespace {

using Counts = std::array<std::uint64_t, 2>;

TEST(HeartbeatsTest, FindsTheOneThatStandsStill) {
  Heartbeats hearts;
  const TimePoint begin{};
  EXPECT_EQ(hearts.stuck(Counts{5, 5}, begin, seconds(1)), std::nullopt);
  EXPECT_EQ(hearts.stuck(Counts{6, 5}, begin + seconds(1), seconds(1)), std::nullopt);
  EXPECT_EQ(hearts.stuck(Counts{7, 5}, begin + milliseconds(1001), seconds(1)), 1U);
  EXPECT_EQ(hearts.stuck(Counts{8, 6}, begin + seconds(5), seconds(1)), std::nullopt) << "it beats again";
}

TEST(HeartbeatsTest, NamesTheFirstOfSeveral) {
  Heartbeats hearts;
  EXPECT_EQ(hearts.stuck(Counts{1, 1}, {}, seconds(1)), std::nullopt);
  EXPECT_EQ(hearts.stuck(Counts{1, 1}, TimePoint{} + seconds(9), seconds(1)), 0U);
}

TEST(HeartbeatsTest, AnotherSetBeginsAfresh) {
  Heartbeats hearts;
  EXPECT_EQ(hearts.stuck(Counts{1, 1}, {}, seconds(1)), std::nullopt);
  const std::array<std::uint64_t, 1> one{1};
  EXPECT_EQ(hearts.stuck(one, TimePoint{} + seconds(9), seconds(1)), std::nullopt);
  EXPECT_EQ(hearts.stuck(one, TimePoint{} + seconds(11), seconds(1)), 0U);
  EXPECT_EQ(hearts.stuck({}, TimePoint{} + seconds(99), seconds(1)), std::nullopt);
}

}  // namespace
}  // namespace shared::heartbeats_test
