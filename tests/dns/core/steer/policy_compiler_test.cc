#include "dns/core/steer/policy_compiler.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace dns::policy_compiler_test {
namespace {

using shared::IpAddress;
using shared::Prefix;

constexpr RegionId kEast{0};
constexpr RegionId kEu{1};

Element only(RegionId region) { return {Member{region, 1}}; }

// 80/8 and 2a00::/12 are Germany, 81/8 France, 128/8 California; nothing is known of the rest.
std::shared_ptr<const GeoDatabase> four_places() {
  std::vector<GeoRecord> records = {{},
                                    {*GeoCode::parse("EU-DE"), std::nullopt, 0},
                                    {*GeoCode::parse("EU-FR"), std::nullopt, 0},
                                    {*GeoCode::parse("NA-US-CA"), std::nullopt, 0}};
  return std::make_shared<const GeoDatabase>(GeoDatabase::Source{"small.mmdb", "City"}, std::move(records),
                                             shared::PrefixTable::from_rows({{*Prefix::parse("80.0.0.0/8"), 1},
                                                                             {*Prefix::parse("81.0.0.0/8"), 2},
                                                                             {*Prefix::parse("128.0.0.0/8"), 3},
                                                                             {*Prefix::parse("2a00::/12"), 1}},
                                                                            0));
}

Step failover() { return {FailoverStep{{only(kEast), only(kEu)}}, PositionId{9}}; }
Step europeans_at_home() { return {GeoStep{{{*GeoCode::parse("EU"), {only(kEu)}, {}}}}, PositionId{1}}; }

class Compiler : public testing::Test {
 protected:
  PolicyTables::Compiled compile(std::vector<Step> steps,
                                 PolicyCompiler::Granularity granularity = PolicyCompiler::Granularity::by_class) {
    spec_.regions = {{"us-east", std::nullopt, {*IpAddress::parse("192.0.2.11")}},
                     {"eu", std::nullopt, {*IpAddress::parse("203.0.113.31")}}};
    spec_.geo = four_places();
    policy_ = {"closest", std::move(steps), PositionId{7}};
    return PolicyCompiler(policy_, spec_, findings_).compile(granularity);
  }
  [[nodiscard]] std::string order(const PolicyTables::Compiled& compiled, const char* address) const {
    return to_string(compiled.classes[compiled.clients.lookup(*IpAddress::parse(address)).value], spec_.regions);
  }
  [[nodiscard]] static unsigned depth(const PolicyTables::Compiled& compiled, const char* address) {
    return compiled.clients.lookup(*IpAddress::parse(address)).depth;
  }

  Policy policy_;
  SteeringSpec spec_;
  std::vector<Finding> findings_;
};

TEST_F(Compiler, ClientsThatThePolicyTreatsAlikeAreOneClass) {
  const auto compiled = compile({europeans_at_home(), failover()});
  EXPECT_EQ(compiled.classes.size(), 2U) << "Germans and Frenchmen are the same to it";
  EXPECT_EQ(order(compiled, "80.1.2.3"), "[eu, us-east]");
  EXPECT_EQ(order(compiled, "81.1.2.3"), "[eu, us-east]");
  EXPECT_EQ(order(compiled, "128.1.2.3"), "[us-east, eu]");
  EXPECT_EQ(order(compiled, "9.9.9.9"), "[us-east, eu]");
  EXPECT_EQ(order(compiled, "2a00::1"), "[eu, us-east]");
  EXPECT_EQ(order(compiled, "2001:db8::1"), "[us-east, eu]");
  EXPECT_TRUE(findings_.empty());
}

// 80/8 and 81/8 lie in 80/7, which is where the table decides: an answer holds for all of it.
TEST_F(Compiler, NeighboursThatAreAlikeAreOneBlock) {
  const auto compiled = compile({europeans_at_home(), failover()});
  EXPECT_EQ(depth(compiled, "80.1.2.3"), 7U);
  EXPECT_EQ(depth(compiled, "81.1.2.3"), 7U);
  EXPECT_EQ(depth(compile({failover()}), "80.1.2.3"), 0U) << "everybody is treated alike";
}

// Names that give a window of the region's edges have answers of their own for each client.
TEST_F(Compiler, WhereEvenOneOrderHasVariantsEmbeddedAddressesStayApart) {
  const auto plain = compile({failover()});
  EXPECT_EQ(plain.clients.lookup(*IpAddress::parse("2002:5001:203::1")).depth, 0U);
  const auto finely = compile({failover()}, PolicyCompiler::Granularity::finely);
  EXPECT_EQ(finely.clients.lookup(*IpAddress::parse("2002:5001:203::1")).value, PolicyTables::kEmbeddedIpv4);
}

TEST_F(Compiler, ARowOfASubnetCutsIntoWhatTheDatabaseSays) {
  const auto compiled = compile(
      {{SubnetsStep{{{*Prefix::parse("80.1.0.0/16"), {only(kEast)}, {}}}}, {}}, europeans_at_home(), failover()});
  EXPECT_EQ(order(compiled, "80.1.2.3"), "[us-east, eu]");
  EXPECT_EQ(depth(compiled, "80.1.2.3"), 16U);
  EXPECT_EQ(order(compiled, "80.2.2.3"), "[eu, us-east]");
}

TEST_F(Compiler, AClientThatIsLeftWithNothingIsFoundOnce) {
  const auto compiled = compile({europeans_at_home()});
  ASSERT_EQ(findings_.size(), 1U) << "not once for each of its networks";
  EXPECT_EQ(findings_[0].severity, Finding::Severity::error);
  EXPECT_EQ(findings_[0].position, PositionId{7});
}

TEST_F(Compiler, AStepThatNeverAddsAnythingIsFound) {
  const auto compiled = compile({failover(), europeans_at_home()});
  ASSERT_EQ(findings_.size(), 1U);
  EXPECT_EQ(findings_[0].severity, Finding::Severity::warning);
  EXPECT_EQ(findings_[0].position, PositionId{1});
}

}  // namespace
}  // namespace dns::policy_compiler_test
