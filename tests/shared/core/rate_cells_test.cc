#include "shared/core/rate_cells.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "shared/core/hash.h"

namespace shared::rate_cells_test {
namespace {

constexpr RateCells::Allowance kTwentyAtOnce{.interval = 10, .capacity = 210};

TEST(RateCells, TheAllowanceAtOnceThenOneEachInterval) {
  RateCells cells(4);
  for (int i = 0; i < 21; ++i) {
    const RateCells::Taken taken = cells.take(7, 1000, kTwentyAtOnce);
    EXPECT_TRUE(taken.admitted) << i;
    EXPECT_EQ(taken.used, 10U * static_cast<unsigned>(i));
  }
  EXPECT_FALSE(cells.take(7, 1000, kTwentyAtOnce).admitted);
  EXPECT_FALSE(cells.take(7, 1009, kTwentyAtOnce).admitted);
  EXPECT_TRUE(cells.take(7, 1010, kTwentyAtOnce).admitted);
  EXPECT_FALSE(cells.take(7, 1010, kTwentyAtOnce).admitted);
}

TEST(RateCells, LookSaysWhatTakeWouldAndCountsNothing) {
  RateCells cells(4);
  for (int i = 0; i < 21; ++i) {
    EXPECT_TRUE(cells.look(7, 0, kTwentyAtOnce).admitted);
    EXPECT_EQ(cells.look(7, 0, kTwentyAtOnce).used, 10U * static_cast<unsigned>(i));
    (void)cells.take(7, 0, kTwentyAtOnce);
  }
  EXPECT_FALSE(cells.look(7, 0, kTwentyAtOnce).admitted);
}

// Against GCRA as it is written down: one theoretical arrival time for each key, nothing ever forgotten.
TEST(RateCells, AgreesWithTheReferenceWhileNobodyHasToGo) {
  RateCells cells(12);
  std::map<std::uint64_t, std::uint64_t> arrival;
  std::mt19937_64 random(5);
  std::uint64_t now = 5000;
  for (int i = 0; i < 200'000; ++i) {
    now += random() % 3;
    const std::uint64_t key = mix(random() % 500);
    std::uint64_t& due = arrival[key];
    const std::uint64_t used = due > now ? due - now : 0;
    const bool admitted = used <= kTwentyAtOnce.capacity - kTwentyAtOnce.interval;
    if (admitted) due = now + used + kTwentyAtOnce.interval;
    const RateCells::Taken taken = cells.take(key, now, kTwentyAtOnce);
    ASSERT_EQ(taken.admitted, admitted) << i;
    ASSERT_EQ(taken.used, used) << i;
  }
  EXPECT_EQ(cells.evicted(), 0U);
}

TEST(RateCells, AFullLineGivesUpWhatWouldBeFreeSoonestAndCountsIt) {
  RateCells cells(4);
  const auto in_one_line = [](std::uint64_t tag) { return std::uint64_t{3} << 60 | tag; };
  for (std::uint64_t tag = 1; tag <= 8; ++tag) {
    for (std::uint64_t i = 0; i < 2 + tag; ++i) (void)cells.take(in_one_line(tag), 0, kTwentyAtOnce);
  }
  EXPECT_EQ(cells.evicted(), 0U);
  (void)cells.take(in_one_line(9), 0, kTwentyAtOnce);
  EXPECT_EQ(cells.evicted(), 1U);
  EXPECT_EQ(cells.look(in_one_line(1), 0, kTwentyAtOnce).used, 0U);   // forgotten
  EXPECT_EQ(cells.look(in_one_line(2), 0, kTwentyAtOnce).used, 40U);  // the next one is not
  EXPECT_EQ(cells.look(in_one_line(8), 0, kTwentyAtOnce).used, 100U);
}

// Who floods with fresh keys pushes out its own: a busy key stays known.
TEST(RateCells, AFloodOfFreshKeysDoesNotForgiveABusyOne) {
  RateCells cells(4);  // 128 cells
  std::mt19937_64 random(9);
  const std::uint64_t busy = random();
  std::uint64_t admitted = 0;
  for (std::uint64_t now = 0; now < 100'000; ++now) {
    for (int i = 0; i < 3; ++i) (void)cells.take(random(), now, kTwentyAtOnce);
    admitted += cells.take(busy, now, kTwentyAtOnce).admitted ? 1U : 0U;
  }
  EXPECT_GE(admitted, 10'000U);
  EXPECT_LE(admitted, 10'000U + 21U);
}

TEST(RateCells, TimeWrapsAndOldCellsMeanNothing) {
  RateCells cells(4);
  constexpr std::uint64_t kWrap = std::uint64_t{1} << 40;
  for (const std::uint64_t start : {kWrap - 50, kWrap + kWrap / 2, 3 * kWrap + kWrap / 3}) {
    unsigned admitted = 0;
    for (int i = 0; i < 30; ++i) admitted += cells.take(7, start, kTwentyAtOnce).admitted ? 1U : 0U;
    for (int i = 0; i < 30; ++i) admitted += cells.take(7, start + 210, kTwentyAtOnce).admitted ? 1U : 0U;
    EXPECT_EQ(admitted, 42U) << start;
  }
}

// Whenever that is: a quarter of all times lie so far before the wrap that cells which were never used seemed to be.
TEST(RateCells, ACellThatWasNeverUsedIsFreeAtAnyTime) {
  constexpr std::uint64_t kWrap = std::uint64_t{1} << 40;
  for (std::uint64_t sixteenth = 0; sixteenth < 16; ++sixteenth) {
    for (const std::uint64_t now : {sixteenth * (kWrap / 16), (sixteenth + 1) * (kWrap / 16) - 100}) {
      RateCells cells(4);
      for (std::uint64_t tag = 1; tag <= 8; ++tag) {
        for (int i = 0; i < 3; ++i) (void)cells.take(std::uint64_t{3} << 60 | tag, now, kTwentyAtOnce);
      }
      for (std::uint64_t tag = 1; tag <= 8; ++tag) {
        EXPECT_EQ(cells.look(std::uint64_t{3} << 60 | tag, now, kTwentyAtOnce).used, 30U) << now << " " << tag;
      }
      EXPECT_EQ(cells.evicted(), 0U) << now;
    }
  }
}

// Of this table's allowances none reaches further.
TEST(RateCells, WhatWasUsedLongAgoIsFreeAgain) {
  constexpr std::uint64_t kWrap = std::uint64_t{1} << 40;
  RateCells cells(4);
  for (std::uint64_t tag = 1; tag <= 8; ++tag) (void)cells.take(std::uint64_t{3} << 60 | tag, 5, kTwentyAtOnce);
  const std::uint64_t later = kWrap - kWrap / 8;
  for (std::uint64_t tag = 11; tag <= 18; ++tag) (void)cells.take(std::uint64_t{3} << 60 | tag, later, kTwentyAtOnce);
  EXPECT_EQ(cells.evicted(), 0U);
}

TEST(RateCells, NoneIsLostBetweenWorkers) {
  RateCells cells(1);
  constexpr RateCells::Allowance kMany{.interval = 1, .capacity = 40'000};
  constexpr unsigned kThreads = 4;
  std::atomic<std::uint64_t> admitted{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      std::uint64_t mine = 0;
      for (int i = 0; i < 20'000; ++i) mine += cells.take(7, 0, kMany).admitted ? 1U : 0U;
      admitted += mine;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admitted, 40'000U);
}

TEST(RateCells, WhatIsUsedCanBeScaledWithTheInterval) {
  RateCells cells(4);
  for (int i = 0; i < 8; ++i) (void)cells.take(7, 100, kTwentyAtOnce);  // 80 ticks
  cells.rescale(7, 100, 2, {.interval = 20, .capacity = 420});
  EXPECT_EQ(cells.look(7, 100, {.interval = 20, .capacity = 420}).used, 160U);
  cells.rescale(7, 100, 100, {.interval = 20, .capacity = 420});
  EXPECT_EQ(cells.look(7, 100, {.interval = 20, .capacity = 420}).used, 420U) << "at most all";
  cells.rescale(8, 100, 2, kTwentyAtOnce);
  EXPECT_EQ(cells.look(8, 100, kTwentyAtOnce).used, 0U) << "another key";
}

TEST(RateCells, WhatWasUsedWithALongerIntervalCountsWithinReach) {
  RateCells cells(4);
  for (int i = 0; i < 21; ++i) (void)cells.take(7, 100, {.interval = 20, .capacity = 420});
  EXPECT_EQ(cells.look(7, 100, {.interval = 10, .capacity = 210}).used, 0U) << "beyond it a time means nothing";
  EXPECT_EQ(cells.look(7, 100, {.interval = 10, .capacity = 210, .reach = 840}).used, 420U);
  EXPECT_FALSE(cells.take(7, 100, {.interval = 10, .capacity = 210, .reach = 840}).admitted);
}

// A tag of zeros, which is what stands in a cell that has never been used.
TEST(RateCells, AKeyWithoutATagIsOneLikeAnyOther) {
  RateCells cells(4);
  const std::uint64_t key = std::uint64_t{5} << 60;
  const std::uint64_t now = (std::uint64_t{1} << 40) - 10;
  EXPECT_EQ(cells.take(key, now, kTwentyAtOnce).used, 0U);
  EXPECT_EQ(cells.take(key, now, kTwentyAtOnce).used, 10U) << "its time has gone round to 0";
  EXPECT_EQ(cells.look(key, now, kTwentyAtOnce).used, 20U);
}

TEST(RateCells, APrefetchChangesNothing) {
  RateCells cells(4);
  (void)cells.take(7, 1000, kTwentyAtOnce);
  cells.prefetch(7);
  cells.prefetch(~std::uint64_t{0});
  EXPECT_EQ(cells.look(7, 1000, kTwentyAtOnce).used, 10U);
}

TEST(RateCells, SaysHowLargeItIs) {
  const RateCells cells(18);
  EXPECT_EQ(cells.capacity(), std::size_t{8} << 18);
  EXPECT_EQ(cells.octets(), std::size_t{64} << 18);
}

}  // namespace
}  // namespace shared::rate_cells_test
