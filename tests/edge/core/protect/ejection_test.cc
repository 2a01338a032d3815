#include "edge/core/protect/ejection.h"

#include <gtest/gtest.h>

namespace edge::ejection_test {
namespace {

using shared::seconds;

struct World {
  EjectionSettings settings;
  std::vector<ServerTotals> totals;
  std::vector<EjectionTrack> tracks;
  shared::TimePoint now{std::chrono::hours(1)};

  explicit World(std::size_t servers) : totals(servers), tracks(servers) { judge(); }

  // One second in which server i was sent requests[i], of which failures[i] failed.
  std::vector<EjectionChange> round(const std::vector<std::uint64_t>& requests,
                                    const std::vector<std::uint64_t>& failures) {
    for (std::size_t i = 0; i < totals.size(); ++i) {
      totals[i].requests += requests[i];
      totals[i].failures += failures[i];
      totals[i].in_a_row =
          requests[i] == failures[i] ? totals[i].in_a_row + static_cast<std::uint32_t>(failures[i]) : 0;
    }
    return judge();
  }
  std::vector<EjectionChange> judge() {
    now += seconds(1);
    return EjectionJudge::judge(settings, totals, tracks, now);
  }
};

TEST(Ejection, OneThatFailsMoreThanTheOthersGoesAndComesBack) {
  World w(3);
  const auto changes = w.round({50, 50, 50}, {1, 25, 0});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].server, 1u);
  EXPECT_TRUE(changes[0].ejected);
  EXPECT_EQ(changes[0].reason, "error rate above the pool's");
  for (int i = 0; i < 29; ++i) EXPECT_TRUE(w.round({70, 0, 70}, {0, 0, 0}).empty()) << i;
  const auto back = w.round({70, 0, 70}, {0, 0, 0});
  ASSERT_EQ(back.size(), 1u);
  EXPECT_FALSE(back[0].ejected);
  EXPECT_TRUE(w.round({50, 50, 50}, {0, 0, 0}).empty()) << "what it did before is forgotten";
}

TEST(Ejection, TroubleThatAllShareEjectsNobody) {
  World w(4);
  w.settings.consecutive = 0;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(w.round({50, 50, 50, 50}, {40, 45, 42, 44}).empty());
}

// The others' rate is without its own failures: of two servers it would hide itself behind what it does.
TEST(Ejection, TheRateOfTheOthersIsWithoutItsOwn) {
  for (const std::uint64_t failures : {44U, 45U}) {
    World w(2);
    w.settings.consecutive = 0;  // 25 % beside it, a margin of 20 %
    EXPECT_EQ(w.round({100, 100}, {failures, 25}).size(), failures == 45 ? 1U : 0U) << failures;
  }
  World quiet(2);
  quiet.settings.consecutive = 0;
  EXPECT_TRUE(quiet.round({100, 0}, {29, 0}).empty()) << "below error_rate, however well the others do";
  EXPECT_EQ(quiet.round({100, 0}, {31, 0}).size(), 1U) << "30 % of both rounds";
}

TEST(Ejection, FewRequestsSayNothing) {
  World w(3);
  w.settings.consecutive = 0;
  EXPECT_TRUE(w.round({500, 19, 500}, {0, 19, 0}).empty());
  EXPECT_EQ(w.round({500, 1, 500}, {0, 1, 0}).size(), 1u) << "the window adds up";
}

TEST(Ejection, FailuresInARowAreAReasonOfTheirOwn) {
  World w(3);
  EXPECT_TRUE(w.round({500, 9, 500}, {0, 9, 0}).empty());
  const auto changes = w.round({500, 1, 500}, {0, 1, 0});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].reason, "failures in a row");
}

TEST(Ejection, OnlyAShareOfThePoolGoes) {
  World w(5);
  const auto changes = w.round({50, 50, 50, 50, 50}, {50, 50, 50, 0, 0});
  EXPECT_EQ(changes.size(), 2u) << "half of five, rounded down";
  EXPECT_TRUE(w.round({50, 50, 50, 50, 50}, {50, 50, 50, 0, 0}).empty());
  World two(1);
  EXPECT_TRUE(two.round({50}, {50}).empty()) << "never the only one";
}

TEST(Ejection, AgainMeansLonger) {
  World w(3);
  w.settings.time = seconds(5);
  w.round({50, 50, 50}, {0, 50, 0});
  for (int i = 0; i < 4; ++i) w.round({50, 0, 50}, {0, 0, 0});
  EXPECT_EQ(w.round({50, 0, 50}, {0, 0, 0}).size(), 1u);
  EXPECT_EQ(w.round({50, 50, 50}, {0, 50, 0}).size(), 1u);
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(w.round({50, 0, 50}, {0, 0, 0}).empty()) << i;
  EXPECT_EQ(w.round({50, 0, 50}, {0, 0, 0}).size(), 1u);
}

TEST(Ejection, TheWindowIsSoLongAndNoLonger) {
  for (const int quiet : {8, 9, 10}) {
    World w(3);
    w.settings.consecutive = 0;
    w.settings.min_requests = 40;
    w.round({50, 39, 50}, {0, 39, 0});
    for (int i = 0; i < quiet; ++i) EXPECT_TRUE(w.round({50, 0, 50}, {0, 0, 0}).empty());
    EXPECT_EQ(w.round({50, 1, 50}, {0, 1, 0}).size(), quiet == 8 ? 1U : 0U) << quiet << " rounds between";
  }
}

TEST(Ejection, WhatItDidWellLongAgoHidesNothing) {
  World w(3);
  w.settings.consecutive = 0;
  EXPECT_TRUE(w.round({100000, 100000, 100000}, {0, 0, 0}).empty());
  for (int i = 0; i < 12; ++i) EXPECT_TRUE(w.round({50, 50, 50}, {0, 0, 0}).empty());
  bool ejected = false;
  for (int i = 0; i < 6; ++i) ejected = !w.round({50, 50, 50}, {0, 50, 0}).empty() || ejected;
  EXPECT_TRUE(ejected);
}

// The window is longer than the ejection: what led to it is in there still.
TEST(Ejection, WhoComesBackIsNotEjectedForWhatItDidBefore) {
  World w(3);
  w.settings.consecutive = 0;
  w.settings.time = seconds(3);
  EXPECT_EQ(w.round({50, 50, 50}, {0, 50, 0}).size(), 1U);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(w.round({50, 0, 50}, {0, 0, 0}).empty());
  EXPECT_EQ(w.round({50, 0, 50}, {0, 0, 0}).size(), 1U);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(w.round({50, 10, 50}, {0, 0, 0}).empty()) << i;
}

TEST(Ejection, SwitchedOffAllComeBack) {
  World w(3);
  w.round({50, 50, 50}, {0, 50, 0});
  w.settings.mode = shared::Mode::disabled;
  EXPECT_EQ(w.round({50, 0, 50}, {0, 0, 0}).size(), 1u);
  EXPECT_TRUE(w.round({50, 50, 50}, {0, 50, 0}).empty());
}

}  // namespace
}  // namespace edge::ejection_test
