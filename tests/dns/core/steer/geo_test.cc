#include "dns/core/steer/geo.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dns::geo_test {
namespace {

GeoCode code(const char* text) { return *GeoCode::parse(text); }

TEST(GeoCode, ContainsByWholePartsAndNotByText) {
  const std::vector<std::string> codes = {"NA", "NA-US", "NA-US-C", "NA-US-CA", "NA-US-CAL", "NA-UM", "EU", "EU-DE"};
  const auto part_of = [](const std::string& inner, const std::string& outer) {
    return inner == outer || inner.starts_with(outer + "-");
  };
  for (const std::string& outer : codes) {
    for (const std::string& inner : codes) {
      EXPECT_EQ(code(outer.c_str()).contains(code(inner.c_str())), part_of(inner, outer)) << outer << " " << inner;
    }
  }
  EXPECT_FALSE(GeoCode().contains(code("EU")));
  EXPECT_FALSE(code("EU").contains(GeoCode()));
  EXPECT_FALSE(GeoCode().contains(GeoCode()));
}

TEST(GeoCode, HasSoManyParts) {
  EXPECT_EQ(GeoCode().parts(), 0U);
  EXPECT_EQ(code("EU").parts(), 1U);
  EXPECT_EQ(code("NA-US").parts(), 2U);
  EXPECT_EQ(code("NA-US-CA").parts(), 3U);
}

TEST(GeoCode, IsAContinentACountryOfTwoLettersAndSubdivisions) {
  for (const char* good :
       {"AF", "AN", "AS", "EU", "NA", "OC", "SA", "EU-DE", "EU-GB-ENG", "EU-GB-ENG-LND", "AS-JP-13"}) {
    EXPECT_TRUE(GeoCode::parse(good)) << good;
  }
  for (const char* bad : {"", "XX", "US", "EU-", "EU-D", "EU-DEU", "EU--DE", "-EU", "eu", "EU-de", "EU-DE-",
                          "EU-DE-ABCD", "EU DE", "EU-DE-B_"}) {
    EXPECT_FALSE(GeoCode::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace dns::geo_test
