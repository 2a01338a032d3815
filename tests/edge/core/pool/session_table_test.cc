#include "edge/core/pool/session_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "shared/core/hash.h"

namespace edge::session_table_test {
namespace {

using shared::milliseconds;
using shared::seconds;
using Kind = SessionTable::Kind;

constexpr shared::TimePoint kNow{std::chrono::hours(50)};
constexpr SessionTable::Lifetimes kLifetimes{.known = seconds(600), .absent = seconds(2)};

SessionToken id(std::uint64_t number) {
  return {shared::mix(2 * number + 1), shared::mix(0x8000000000000000ULL + number)};
}
// One line has only these: the line is told by `high`.
SessionToken neighbour(std::uint64_t number) { return {7, shared::mix(number + 1)}; }

TEST(SessionTable, KnowsWhatItWasToldUntilItsTimeIsOver) {
  SessionTable table(1000, kLifetimes);
  EXPECT_GE(table.capacity(), 1000U);
  EXPECT_EQ(table.find(id(1), kNow).kind, Kind::unknown);
  table.know(id(1), 0x3FFFFFFFFULL, kNow);
  const auto found = table.find(id(1), kNow + seconds(10));
  EXPECT_EQ(found.kind, Kind::known);
  EXPECT_EQ(found.server, 0x3FFFFFFFFULL);
  EXPECT_EQ(found.age, seconds(10));
  EXPECT_EQ(table.find(id(2), kNow).kind, Kind::unknown);
  EXPECT_EQ(table.find(id(1), kNow + seconds(599)).kind, Kind::known);
  EXPECT_EQ(table.find(id(1), kNow + seconds(600)).kind, Kind::unknown);
  table.know(id(1), 4, kNow + seconds(700));
  EXPECT_EQ(table.find(id(1), kNow + seconds(700)).server, 4U);
}

TEST(SessionTable, AnotherThreadsClockMayBeAheadAndTimeMayWrap) {
  SessionTable table(64, kLifetimes);
  table.know(id(1), 1, kNow + seconds(1));
  EXPECT_EQ(table.find(id(1), kNow).age, seconds(0));
  const shared::TimePoint before_wrap(shared::nanoseconds(62'500'000) * ((std::int64_t{1} << 28) - 16));
  table.know(id(2), 2, before_wrap);
  EXPECT_EQ(table.find(id(2), before_wrap + seconds(5)).age, seconds(5));
  EXPECT_EQ(table.find(id(2), before_wrap + seconds(601)).kind, Kind::unknown);
}

TEST(SessionTable, UseMakesItNewAndAMoveHolds) {
  SessionTable table(64, kLifetimes);
  table.touch(id(1), kNow);
  EXPECT_EQ(table.find(id(1), kNow).kind, Kind::unknown) << "nothing is made of nothing";
  table.know(id(1), 5, kNow);
  table.touch(id(1), kNow + seconds(500));
  EXPECT_EQ(table.find(id(1), kNow + seconds(1000)).server, 5U);
  table.know(id(1), 6, kNow + seconds(1000));
  EXPECT_EQ(table.find(id(1), kNow + seconds(1000)).server, 6U);
  EXPECT_EQ(table.evicted(), 0U);
}

TEST(SessionTable, AnAnswerToAnOldQuestionDoesNotOutdoWhatWasLearnedSince) {
  SessionTable table(64, kLifetimes);
  table.know(id(1), 1, kNow + seconds(1));
  table.hear(id(1), 2, kNow);
  EXPECT_EQ(table.find(id(1), kNow + seconds(1)).server, 1U);
  table.hear(id(1), std::nullopt, kNow + seconds(2));
  EXPECT_EQ(table.find(id(1), kNow + seconds(2)).server, 1U) << "nobody else has it, and this edge does";
  table.hear(id(1), 2, kNow + seconds(2));
  EXPECT_EQ(table.find(id(1), kNow + seconds(2)).server, 2U) << "another edge has moved it";
}

TEST(SessionTable, WhatNobodyHasIsRememberedForAMoment) {
  SessionTable table(64, kLifetimes);
  table.hear(id(1), std::nullopt, kNow);
  EXPECT_EQ(table.find(id(1), kNow + seconds(1)).kind, Kind::absent);
  EXPECT_EQ(table.find(id(1), kNow + seconds(2)).kind, Kind::unknown);
  table.hear(id(1), std::nullopt, kNow + seconds(3));
  table.know(id(1), 9, kNow + seconds(3));
  EXPECT_EQ(table.find(id(1), kNow + seconds(3)).server, 9U);
}

// An attacker's million sessions that nobody has push nobody out.
TEST(SessionTable, SessionsThatAreMadeUpPushNobodyOut) {
  SessionTable table(1024, kLifetimes);
  for (std::uint64_t i = 0; i < 200; ++i) table.know(id(i), i, kNow);
  const std::uint64_t evicted = table.evicted();
  std::vector<std::uint64_t> there;
  for (std::uint64_t i = 0; i < 200; ++i) {
    if (table.find(id(i), kNow).kind == Kind::known) there.push_back(i);
  }
  for (std::uint64_t i = 1000; i < 101'000; ++i) table.hear(id(i), std::nullopt, kNow + milliseconds(i / 100));
  for (const std::uint64_t i : there) EXPECT_EQ(table.find(id(i), kNow + seconds(2)).server, i);
  EXPECT_EQ(table.evicted(), evicted);
}

TEST(SessionTable, TheOldestGoesAndWhatNobodyHasBeforeIt) {
  SessionTable table(4, kLifetimes);
  ASSERT_EQ(table.capacity(), 4U);
  for (std::uint64_t i = 0; i < 3; ++i) table.know(neighbour(i), i, kNow + seconds(static_cast<int>(i)));
  table.hear(neighbour(3), std::nullopt, kNow + seconds(3));
  table.know(neighbour(4), 4, kNow + seconds(4));
  EXPECT_EQ(table.evicted(), 0U);
  EXPECT_EQ(table.find(neighbour(0), kNow + seconds(4)).kind, Kind::known);
  table.know(neighbour(5), 5, kNow + seconds(5));
  EXPECT_EQ(table.evicted(), 1U);
  EXPECT_EQ(table.find(neighbour(0), kNow + seconds(5)).kind, Kind::unknown);
  EXPECT_EQ(table.find(neighbour(1), kNow + seconds(5)).kind, Kind::known);
  table.hear(neighbour(6), std::nullopt, kNow + seconds(6));
  EXPECT_EQ(table.find(neighbour(6), kNow + seconds(6)).kind, Kind::unknown) << "no room for who has none";
  table.know(neighbour(7), 7, kNow + seconds(601));  // neighbour 1's time is over
  EXPECT_EQ(table.evicted(), 1U);
}

// Whatever happens at once, nobody is led to a server that the session was never at.
TEST(SessionTable, ThreadsThatWriteAtOnceLeadNobodyAstray) {
  SessionTable table(16, kLifetimes);
  std::atomic<bool> wrong{false};
  const auto work = [&](std::uint64_t seed) {
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      const std::uint64_t session = shared::mix(seed + i) % 64;
      table.know(id(session), session * 4 + i % 4, kNow);
      if (i % 3 == 0) table.touch(id(session), kNow);
      const auto found = table.find(id((session + 1) % 64), kNow);
      if (found.kind == Kind::known && found.server / 4 != (session + 1) % 64) wrong = true;
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t seed : {1U, 2U, 3U}) threads.emplace_back(work, seed * 1'000'000);
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(wrong);
}

}  // namespace
}  // namespace edge::session_table_test
