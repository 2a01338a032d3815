#include "edge/core/protect/abuse_score.h"

#include <gtest/gtest.h>

namespace edge::abuse_score_test {
namespace {

using Level = AbuseScore::Level;

constexpr shared::TimePoint kBegin{std::chrono::hours(1)};

TEST(AbuseScore, ABurstOfResetsIsABrowsersAndAFloodIsNot) {
  AbuseScore score;
  for (int i = 0; i < 499; ++i) ASSERT_EQ(score.add(Oddity::peer_reset, kBegin), Level::fine) << i;
  EXPECT_EQ(score.add(Oddity::peer_reset, kBegin), Level::soft);
  for (int i = 0; i < 499; ++i) ASSERT_EQ(score.add(Oddity::peer_reset, kBegin), Level::soft) << i;
  EXPECT_EQ(score.add(Oddity::peer_reset, kBegin), Level::hard);
}

TEST(AbuseScore, TimeForgives) {
  AbuseScore score;
  for (int i = 0; i < 499; ++i) static_cast<void>(score.add(Oddity::peer_reset, kBegin));
  // 30 resets a second, for ever.
  for (int i = 1; i < 1000; ++i) {
    ASSERT_EQ(score.add(Oddity::peer_reset, kBegin + i * shared::milliseconds(34)), Level::fine) << i;
  }
}

TEST(AbuseScore, WhatATransferNeedsIsFree) {
  AbuseScore score;
  for (int i = 0; i < 100'000; ++i) {
    score.moved();
    ASSERT_EQ(score.add(Oddity::window_update, kBegin), Level::fine);
    ASSERT_EQ(score.add(Oddity::ping, kBegin), Level::fine);
  }
  // What was earned does not last for a flood.
  Level level = Level::fine;
  for (int i = 0; i < 2'000; ++i) level = score.add(Oddity::ping, kBegin);
  EXPECT_EQ(level, Level::hard);
}

TEST(AbuseScore, EachFloodEnds) {
  for (std::size_t kind = 0; kind < static_cast<std::size_t>(Oddity::count_); ++kind) {
    AbuseScore score;
    int frames = 0;
    while (score.add(static_cast<Oddity>(kind), kBegin) != Level::hard) ASSERT_LT(++frames, 6'000) << kind;
    EXPECT_GE(frames, 190) << kind;
  }
}

}  // namespace
}  // namespace edge::abuse_score_test
