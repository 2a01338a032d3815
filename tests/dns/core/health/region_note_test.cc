#include "dns/core/health/region_note.h"

#include <gtest/gtest.h>

namespace dns::region_note_test {
namespace {

constexpr EdgeState kUp = EdgeState::up;
constexpr EdgeState kUnknown = EdgeState::unknown;
constexpr EdgeState kHeld = EdgeState::held_down;
constexpr EdgeState kDrained = EdgeState::drained;
constexpr EdgeState kDown = EdgeState::down;

TEST(RegionNote, SaysTheBestThatThereIs) {
  EXPECT_EQ(note_of({kUp, kUp}), "up");
  EXPECT_EQ(note_of({kUp, kDown}), "1 of 2 edges up");
  EXPECT_EQ(note_of({kUp, kUnknown, kHeld}), "1 of 3 edges up, 1 not probed yet, 1 held down");
  EXPECT_EQ(note_of({kUnknown, kDown}), "not probed yet");
  EXPECT_EQ(note_of({kHeld, kDrained}), "held down: well again, but it has fallen too often lately");
  EXPECT_EQ(note_of({kDrained, kDown}), "drained");
  EXPECT_EQ(note_of({kDown}), "down");
}

TEST(RegionNote, NamesTheOperatorAndTheReason) {
  Override word;
  word.state = Override::State::drained;
  EXPECT_EQ(by_operator(word), "drained by the operator");
  word.reason = "disk";
  EXPECT_EQ(by_operator(word), "drained by the operator (disk)");
  EXPECT_EQ(by_operator(word, shared::IpAddress::v4(0xC0000201)), "192.0.2.1 drained by the operator (disk)");
}

}  // namespace
}  // namespace dns::region_note_test
