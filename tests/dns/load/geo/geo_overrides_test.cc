#include "dns/load/geo/geo_overrides.h"

#include <gtest/gtest.h>

#include <string>

namespace dns::geo_overrides_test {
namespace {

struct Read {
  GeoOverridesConfig rows;
  std::string problems;
};

Read read(const std::string& text) {
  shared::load::YamlSettings settings;
  settings.files.read = [&](const std::filesystem::path&,
                            const shared::load::FileRules&) -> shared::Result<std::string> { return text; };
  shared::load::Diagnostics diagnostics;
  Read out;
  out.rows = read_geo_overrides("o.yaml", settings, diagnostics);
  out.problems = diagnostics.render();
  return out;
}

TEST(GeoOverrides, APlaceAloneOrAMap) {
  const auto [rows, problems] = read(
      "203.0.113.0/24: EU-DE\n"
      "198.51.100.0/24: {place: NA-US-CA, location: [37.8, -122.3], reason: \"ticket 4711\"}\n"
      "2001:db8:7::/48: {asn: 64500}\n"
      "192.0.2.0/24: {regions: [eu, us-east]}\n");
  EXPECT_EQ(problems, "");
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].name, "203.0.113.0/24");
  EXPECT_EQ(rows[0].value.place->value, "EU-DE");
  EXPECT_FALSE(rows[0].value.location);
  EXPECT_EQ(rows[1].value.place->value, "NA-US-CA");
  EXPECT_DOUBLE_EQ(rows[1].value.location->latitude, 37.8);
  EXPECT_EQ(rows[1].value.reason, "ticket 4711");
  EXPECT_EQ(rows[2].value.asn, 64500U);
  ASSERT_TRUE(rows[3].value.regions);
  EXPECT_EQ(rows[3].value.regions->size(), 2U);
}

TEST(GeoOverrides, ARowThatCorrectsNothingIsAnErrorAndAReasonIsNoCorrection) {
  EXPECT_NE(read("192.0.2.0/24: {}\n").problems.find("o.yaml:1:15: error: this row corrects nothing"),
            std::string::npos);
  EXPECT_NE(read("192.0.2.0/24: {reason: why}\n").problems.find("corrects nothing"), std::string::npos);
}

TEST(GeoOverrides, OnesThatAreWrongAreLeftOutAndTheOthersStand) {
  const auto [rows, problems] = read("192.0.2.0/24: {asn: 0}\n198.51.100.0/24: EU\n");
  EXPECT_NE(problems.find("o.yaml:1:21: error: "), std::string::npos) << problems;
  EXPECT_EQ(problems.find("o.yaml:2"), std::string::npos) << problems;
  EXPECT_FALSE(rows.empty());
  EXPECT_EQ(rows.back().name, "198.51.100.0/24");
}

TEST(GeoOverrides, AFileThatCannotBeReadIsNamed) {
  shared::load::Diagnostics diagnostics;
  EXPECT_TRUE(read_geo_overrides("/nonexistent/o.yaml", {}, diagnostics).empty());
  EXPECT_NE(diagnostics.render().find("/nonexistent/o.yaml"), std::string::npos);
}

TEST(GeoOverrides, AnEmptyFileHasNoRows) {
  EXPECT_TRUE(read("").rows.empty());
  EXPECT_EQ(read("").problems, "");
}

}  // namespace
}  // namespace dns::geo_overrides_test
