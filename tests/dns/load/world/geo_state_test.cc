#include "dns/load/world/geo_state.h"

#include <chrono>

#include <gtest/gtest.h>

namespace dns::geo_state_test {
namespace {

using shared::load::Diagnostics;

constexpr FileStamp kStamp{1, 2, 3, 4};

GeoVerdict verdict_of(double moved, bool too_much) {
  GeoVerdict verdict;
  verdict.judged = true;
  verdict.moved = moved;
  verdict.too_much = too_much;
  return verdict;
}

shared::WallTime at(int seconds) { return shared::WallTime{} + std::chrono::seconds(seconds); }

TEST(GeoState, OneThatTheGuardRefusesWaitsUntilTheNextOneComes) {
  GeoState state;
  ASSERT_TRUE(state.note(verdict_of(0.1, false), kStamp, Diagnostics{}, at(10)));
  Diagnostics refused;
  refused.warning({}, "something doubtful");
  refused.error({}, "it would move too much");
  refused.error({}, "and something else");
  EXPECT_FALSE(state.note(verdict_of(0.9, true), kStamp, refused, at(20)));
  EXPECT_EQ(state.refused, 1U);
  EXPECT_EQ(state.taken, 1U);
  EXPECT_EQ(state.last, at(10)) << "the one that serves";
  EXPECT_EQ(state.verdict.moved, 0.9);
  EXPECT_EQ(state.message, "it would move too much");
  EXPECT_EQ(state.waiting, (GeoMemory::Waiting{kStamp, "it would move too much"}));

  EXPECT_TRUE(state.note(verdict_of(0.2, false), kStamp, Diagnostics{}, at(30)));
  EXPECT_EQ(state.refused, 1U);
  EXPECT_EQ(state.taken, 2U);
  EXPECT_EQ(state.last, at(30));
  EXPECT_EQ(state.verdict.moved, 0.2);
  EXPECT_EQ(state.message, "");
  EXPECT_FALSE(state.waiting);
}

// Nobody has judged what cannot be read: nothing waits that an operator could take by force.
TEST(GeoState, OneThatIsBrokenDoesNotWait) {
  GeoState state;
  Diagnostics broken;
  broken.error({}, "no metadata");
  EXPECT_FALSE(state.note(GeoVerdict{}, FileStamp{}, broken, at(20)));
  EXPECT_EQ(state.refused, 1U);
  EXPECT_EQ(state.message, "no metadata");
  EXPECT_FALSE(state.waiting);
}

// It is what the guard wants, or it is forced: a warning keeps nothing out.
TEST(GeoState, OneThatMovesMuchAndIsTakenDoesNotWait) {
  GeoState state;
  Diagnostics forced;
  forced.warning({}, "taken by force");
  EXPECT_TRUE(state.note(verdict_of(0.9, true), kStamp, forced, at(20)));
  EXPECT_EQ(state.taken, 1U);
  EXPECT_EQ(state.refused, 0U);
  EXPECT_EQ(state.message, "");
  EXPECT_FALSE(state.waiting);
}

TEST(GeoState, WhatTheGuardSaidAtTheStartIsKept) {
  GeoState state;
  state.recall(verdict_of(0.7, true), {kStamp, "it would move 70 %"});
  EXPECT_EQ(state.verdict.moved, 0.7);
  EXPECT_EQ(state.message, "it would move 70 %");
  EXPECT_EQ(state.waiting, (GeoMemory::Waiting{kStamp, "it would move 70 %"}));
  EXPECT_EQ(state.refused, 1U);
  EXPECT_EQ(state.taken, 0U);
}

}  // namespace
}  // namespace dns::geo_state_test
