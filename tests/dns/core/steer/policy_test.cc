#include "dns/core/steer/policy.h"

#include <gtest/gtest.h>

namespace dns::policy_test {
namespace {

// Regions a, b, c, d, of which b and d have a location.
std::vector<Region> regions() {
  return {{"a", std::nullopt, {}}, {"b", Location{1, 2}, {}}, {"c", std::nullopt, {}}, {"d", Location{3, 4}, {}}};
}

std::vector<bool> named(std::vector<Step> steps) { return regions_named({"p", std::move(steps), {}}, regions()); }

Order only(std::uint16_t region) { return {{Member{RegionId{region}, 1}}}; }

TEST(RegionsNamed, AreThoseThatAnyStepCanGive) {
  using Flags = std::vector<bool>;
  EXPECT_EQ(named({}), (Flags{false, false, false, false}));
  EXPECT_EQ(named({{FailoverStep{{{Member{RegionId{2}, 1}, Member{RegionId{0}, 3}}}}, {}}}),
            (Flags{true, false, true, false}));
  EXPECT_EQ(named({{SubnetsStep{{{*shared::Prefix::parse("10.0.0.0/8"), only(1), {}}}}, {}}}),
            (Flags{false, true, false, false}));
  EXPECT_EQ(named({{ResolversStep{{{*shared::Prefix::parse("10.0.0.0/8"), only(2), {}}}}, {}}}),
            (Flags{false, false, true, false}));
  EXPECT_EQ(named({{GeoStep{{{*GeoCode::parse("EU"), only(3), {}}}}, {}}}), (Flags{false, false, false, true}));
  EXPECT_EQ(named({{AsnStep{{{64500, only(0), {}}}}, {}}}), (Flags{true, false, false, false}));
  EXPECT_EQ(named({{NearestStep{}, {}}}), (Flags{false, true, false, true})) << "those that are somewhere";
  EXPECT_EQ(named({{FenceStep{{{*GeoCode::parse("EU"), {RegionId{0}}, {}}}}, {}}}), (Flags{false, false, false, false}))
      << "a fence takes away";
  EXPECT_EQ(named({{NearestStep{}, {}}, {FailoverStep{only(0)}, {}}}), (Flags{true, true, false, true}));
}

}  // namespace
}  // namespace dns::policy_test
