#include "edge/core/protect/overload.h"

#include <gtest/gtest.h>

namespace edge::overload_test {
namespace {

TEST(Shed, ATierGivesWayFromItsShareOn) {
  const ShedSettings shed{.mode = shared::Mode::enforce, .from = {0.8, 0.95, ShedSettings::kNever}};
  EXPECT_FALSE(shed.sheds(TierId{0}, 79, 100));
  EXPECT_TRUE(shed.sheds(TierId{0}, 80, 100));
  EXPECT_FALSE(shed.sheds(TierId{1}, 94, 100));
  EXPECT_TRUE(shed.sheds(TierId{1}, 95, 100));
  EXPECT_FALSE(shed.sheds(TierId{2}, 150, 100)) << "who is not named never does";
  EXPECT_FALSE(shed.sheds(TierId{3}, 150, 100));
}

TEST(Shed, NobodyGivesWayWhereNoCapacityIsKnown) {
  const ShedSettings shed{.mode = shared::Mode::enforce, .from = {0.0}};
  EXPECT_FALSE(shed.sheds(TierId{0}, 10, 0));
  EXPECT_TRUE(shed.sheds(TierId{0}, 0, 10)) << "from 0% on: always";
}

}  // namespace
}  // namespace edge::overload_test
