#include "dns/core/health/health_view.h"

#include <gtest/gtest.h>

namespace dns::health_view_test {
namespace {

TEST(HealthView, StatesAreReadAsTheyAreSaid) {
  for (const EdgeState state :
       {EdgeState::up, EdgeState::unknown, EdgeState::held_down, EdgeState::drained, EdgeState::down}) {
    EXPECT_EQ(parse_edge_state(to_string(state)), state);
  }
  EXPECT_FALSE(parse_edge_state("Up"));
  EXPECT_FALSE(parse_edge_state(""));
}

TEST(HealthView, AllUpHasAStateForEachEdgeAndOneForACnameThatNobodyProbes) {
  Region two{.name = "two", .location = std::nullopt, .edges = {shared::IpAddress::v4(1), shared::IpAddress::v4(2)}};
  Region elsewhere{.name = "elsewhere", .location = std::nullopt, .edges = {}, .cname = Name()};
  Region probed{.name = "probed", .location = std::nullopt, .edges = {shared::IpAddress::v4(3)}, .cname = Name()};
  const HealthView view = HealthView::all_up({two, elsewhere, probed});
  ASSERT_EQ(view.regions.size(), 3U);
  EXPECT_EQ(view.regions[0].edges, std::vector<EdgeState>(2, EdgeState::up));
  EXPECT_EQ(view.regions[1].edges, std::vector<EdgeState>(1, EdgeState::up));
  EXPECT_EQ(view.regions[2].edges, std::vector<EdgeState>(1, EdgeState::up));
  for (const RegionView& region : view.regions) {
    EXPECT_EQ(region.note, "up");
    EXPECT_FALSE(region.full || region.forced || region.pressure);
  }
}

}  // namespace
}  // namespace dns::health_view_test
