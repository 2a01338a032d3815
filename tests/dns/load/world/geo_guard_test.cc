#include "dns/load/world/geo_guard.h"

#include <gtest/gtest.h>

namespace dns::geo_guard_test {
namespace {

TEST(GeoGuard, TellsTheLargestFlowsOfAllNames) {
  MoveReport report;
  report.weight = 400;
  report.names.resize(2);
  report.names[0].weight = 100;
  report.names[0].flows = {{"us", "eu", 0.5}, {"eu", "us", 0.1}};
  report.names[1].weight = 300;
  report.names[1].flows = {{"us", "eu", 0.25}};
  EXPECT_EQ(describe_flows(report), "us -> eu 31.2 %, eu -> us 2.5 %");
  EXPECT_EQ(describe_flows({}), "");
}

TEST(GeoGuard, SaysWhatIsAllowedAndWhatToDo) {
  GeoVerdict verdict;
  verdict.text = "it would move 31.2 % of the answers";
  const std::string advice = guard_advice(verdict, GuardConfig{.share = 12.5});
  EXPECT_TRUE(advice.starts_with("it would move 31.2 % of the answers; dns.geo.guard allows 12.5 %: ")) << advice;
  EXPECT_NE(advice.find("meridian reload --force-geo"), std::string::npos);
}

}  // namespace
}  // namespace dns::geo_guard_test
