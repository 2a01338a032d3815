#include "dns/load/geo/continents.h"

#include <gtest/gtest.h>

namespace dns::continents_test {
namespace {

TEST(Continents, KnowsCountriesAsTheyAreWritten) {
  EXPECT_EQ(continent_of("DE"), "EU");
  EXPECT_EQ(continent_of("US"), "NA");
  EXPECT_EQ(continent_of("AQ"), "AN");
  EXPECT_EQ(continent_of("AS"), "OC") << "American Samoa, not Asia";
  for (const char* country : {"", "D", "de", "DEU", "XX", "E ", " E"}) EXPECT_EQ(continent_of(country), "") << country;
}

}  // namespace
}  // namespace dns::continents_test
