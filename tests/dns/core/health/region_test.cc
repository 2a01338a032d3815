#include "dns/core/health/region.h"

#include <gtest/gtest.h>

namespace dns::region_test {
namespace {

TEST(Region, DistancesAreThoseOfAGlobe) {
  constexpr Location kFrankfurt{50.11, 8.68};
  constexpr Location kAshburn{39.04, -77.49};
  EXPECT_DOUBLE_EQ(distance_km(kFrankfurt, kFrankfurt), 0);
  EXPECT_NEAR(distance_km(kFrankfurt, kAshburn), 6538, 20);
  EXPECT_DOUBLE_EQ(distance_km(kFrankfurt, kAshburn), distance_km(kAshburn, kFrankfurt));
  EXPECT_NEAR(distance_km({0, 179.5}, {0, -179.5}), 111.2, 0.1) << "over the date line";
  EXPECT_NEAR(distance_km({90, 0}, {-90, 0}), 20015, 1) << "half way round";
}

}  // namespace
}  // namespace dns::region_test
