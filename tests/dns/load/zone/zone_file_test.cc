#include "dns/load/zone/zone_file.h"

#include <gtest/gtest.h>

#include "tests/support/paths.h"

namespace dns::zone_file_test {
namespace {

TEST(ZoneFile, ReadsFromDisk) {
  ZoneFileSettings settings;
  EXPECT_FALSE(settings.read_file("/nonexistent"));
  EXPECT_FALSE(settings.read_file("/"));
  const auto text = settings.read_file(::test::source_file("zones/shop.example.zone"));
  ASSERT_TRUE(text);
  EXPECT_FALSE(text->empty());
}

TEST(ZoneFile, TheShopsZoneLoadsAsItStandsOnDisk) {
  ZoneSource source;
  source.origin = *Name::from_text("shop.example");
  source.file = ::test::source_file("zones/shop.example.zone");
  shared::load::Diagnostics diagnostics;
  const auto zone = load_zone_file(source, {}, diagnostics);
  ASSERT_TRUE(zone) << diagnostics.render();
  EXPECT_EQ(zone->apex(), source.origin);
}

TEST(ZoneFile, AFileThatIsNotThereIsAnErrorThatNamesIt) {
  ZoneSource source;
  source.origin = *Name::from_text("shop.example");
  source.file = "/nonexistent/shop.zone";
  source.at = {std::make_shared<const std::string>("c.yaml"), 4, 9};
  shared::load::Diagnostics diagnostics;
  EXPECT_EQ(load_zone_file(source, {}, diagnostics), nullptr);
  EXPECT_TRUE(diagnostics.render().starts_with("c.yaml:4:9: error: ")) << diagnostics.render();
  EXPECT_NE(diagnostics.render().find("/nonexistent/shop.zone"), std::string::npos) << diagnostics.render();
}

}  // namespace
}  // namespace dns::zone_file_test
