#include "edge/load/countries.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/paths.h"

namespace edge::countries_test {
namespace {

bool holds(const std::vector<shared::Prefix>& networks, std::string_view address) {
  const auto client = *shared::IpAddress::parse(address);
  return std::ranges::any_of(networks, [&](const shared::Prefix& network) { return network.contains(client); });
}

TEST(Countries, AreTwoCapitalLetters) {
  EXPECT_TRUE(is_country_code("DE"));
  EXPECT_FALSE(is_country_code("de"));
  EXPECT_FALSE(is_country_code("D"));
  EXPECT_FALSE(is_country_code("DEU"));
  EXPECT_FALSE(is_country_code("D1"));
  EXPECT_FALSE(is_country_code(""));
}

TEST(Countries, HaveTheNetworksThatTheDatabaseSays) {
  CountryNetworks wanted{{"GB", {}}, {"US", {}}, {"XX", {}}};
  const auto read = read_countries(::test::build_file("geo/city-28.mmdb"), wanted);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(holds(wanted["GB"], "129.67.1.1"));
  EXPECT_FALSE(holds(wanted["US"], "129.67.1.1"));
  EXPECT_FALSE(wanted["US"].empty());
  EXPECT_TRUE(wanted["XX"].empty());
  EXPECT_EQ(wanted.size(), 3U) << "others are passed over";
}

TEST(Countries, OfAFileThatIsNoDatabaseAreAnError) {
  CountryNetworks wanted{{"GB", {}}};
  EXPECT_FALSE(read_countries("/nonexistent.mmdb", wanted));
  const std::string text = "no database";
  EXPECT_FALSE(read_countries({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, wanted));
}

}  // namespace
}  // namespace edge::countries_test
