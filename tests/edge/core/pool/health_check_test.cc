#include "edge/core/pool/health_check.h"

#include <gtest/gtest.h>

#include <vector>

namespace edge::health_check_test {
namespace {

TEST(NumberRule, EachComparisonAtItsBorder) {
  struct Row {
    Comparison comparison;
    const char* text;
    bool below;
    bool at;
    bool above;
  };
  for (const Row& row : std::vector<Row>{{Comparison::greater, "load > 2.5", false, false, true},
                                         {Comparison::greater_or_equal, "load >= 2.5", false, true, true},
                                         {Comparison::less, "load < 2.5", true, false, false},
                                         {Comparison::less_or_equal, "load <= 2.5", true, true, false},
                                         {Comparison::equal, "load == 2.5", false, true, false},
                                         {Comparison::not_equal, "load != 2.5", true, false, true}}) {
    const NumberRule rule{.name = "load", .path = {"load"}, .comparison = row.comparison, .limit = 2.5};
    EXPECT_EQ(to_string(rule), row.text);
    EXPECT_EQ(rule.holds(2.4), row.below) << row.text;
    EXPECT_EQ(rule.holds(2.5), row.at) << row.text;
    EXPECT_EQ(rule.holds(2.6), row.above) << row.text;
  }
}

TEST(StatusRanges, BothEndsBelongToThem) {
  const std::vector<StatusRange> ranges{{200, 299}, {401, 401}};
  for (const std::uint16_t status : {200, 250, 299, 401}) EXPECT_TRUE(contains(ranges, status)) << status;
  for (const std::uint16_t status : {199, 300, 400, 402}) EXPECT_FALSE(contains(ranges, status)) << status;
  EXPECT_FALSE(contains({}, 200));
}

// Ten thousand servers and 150 descriptors must not become ten thousand sockets.
TEST(CheckConnections, FollowTheDescriptors) {
  EXPECT_EQ(check_connections(150), 18U);
  EXPECT_EQ(check_connections(10), 8U) << "some checks always run";
  EXPECT_EQ(check_connections(1024), 128U);
  EXPECT_EQ(check_connections(1'000'000'000), 65536U);
  EXPECT_EQ(kept_checks(1024), 64U);
}

}  // namespace
}  // namespace edge::health_check_test
