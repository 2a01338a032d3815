#include "dns/core/health/override.h"

#include <gtest/gtest.h>

namespace dns::override_test {
namespace {

TEST(Override, StatesAreReadAsTheyAreSaid) {
  for (const auto state : {Override::State::up, Override::State::down, Override::State::drained}) {
    EXPECT_EQ(parse_override_state(to_string(state)), state);
  }
  for (const char* text : {"", "UP", "drain", "held_down", "up "}) EXPECT_FALSE(parse_override_state(text)) << text;
}

}  // namespace
}  // namespace dns::override_test
