#include "dns/core/steer/policy_tables.h"

#include <gtest/gtest.h>

#include "dns/core/steer/preference.h"

namespace dns::policy_tables_test {
namespace {

using shared::IpAddress;
using shared::Prefix;

constexpr RegionId kEast{0};
constexpr RegionId kWest{1};
constexpr RegionId kEu{2};

Element only(RegionId region) { return {Member{region, 1}}; }

std::shared_ptr<const GeoDatabase> small_world() {
  std::vector<GeoRecord> records = {{},
                                    {*GeoCode::parse("EU-DE"), Location{52.5, 13.4}, 0},
                                    {*GeoCode::parse("NA-US-CA"), Location{37.8, -122.3}, 0},
                                    {*GeoCode::parse("NA-US"), std::nullopt, 0}};
  const std::vector<shared::PrefixRow> rows = {{*Prefix::parse("80.0.0.0/8"), 1},
                                               {*Prefix::parse("128.32.0.0/16"), 2},
                                               {*Prefix::parse("128.0.0.0/8"), 3},
                                               {*Prefix::parse("2a00::/12"), 1}};
  return std::make_shared<const GeoDatabase>(GeoDatabase::Source{"small.mmdb", "City"}, std::move(records),
                                             shared::PrefixTable::from_rows(rows, 0));
}

SteeringSpec spec_with(std::vector<Step> steps) {
  SteeringSpec spec;
  spec.regions = {{"us-east", Location{38.95, -77.45}, {*IpAddress::parse("192.0.2.11")}},
                  {"us-west", Location{45.59, -121.18}, {*IpAddress::parse("198.51.100.21")}},
                  {"eu", Location{53.35, -6.26}, {*IpAddress::parse("203.0.113.31")}}};
  spec.policies.push_back({"closest", std::move(steps), PositionId{1}});
  spec.geo = small_world();
  SteeredName name;
  name.name = "www.example.com";
  name.position = PositionId{2};
  spec.names.push_back(name);
  return spec;
}

Step failover_all() { return {FailoverStep{{only(kEast), only(kWest), only(kEu)}}, PositionId{99}}; }

// The order of a client, as text.
std::string order_of(const CompiledPolicies& compiled, const char* address) {
  const auto& policy = compiled.tables->compiled()[0];
  return to_string(policy.classes[policy.clients.lookup(*IpAddress::parse(address)).value],
                   compiled.tables->spec().regions);
}

std::string messages(const CompiledPolicies& compiled) {
  std::string out;
  for (const Finding& finding : compiled.findings) {
    out += std::to_string(static_cast<unsigned>(finding.position)) + ": " + finding.message + "\n";
  }
  return out;
}

TEST(Policies, ListsAreConcatenatedAndTheFirstMentionWins) {
  const Order americas = {{Member{kEast, 3}, Member{kWest, 1}}};
  const auto compiled = compile(spec_with({{SubnetsStep{{{*Prefix::parse("128.32.7.0/24"), {only(kEu)}, {}}}}, {}},
                                           {GeoStep{{{*GeoCode::parse("EU"), {only(kEu)}, {}},
                                                     {*GeoCode::parse("NA-US-CA"), {only(kWest)}, {}},
                                                     {*GeoCode::parse("NA"), americas, {}}}},
                                            {}},
                                           failover_all()}));
  ASSERT_TRUE(compiled.tables) << messages(compiled);
  EXPECT_EQ(order_of(compiled, "80.1.2.3"), "[eu, us-east, us-west]");
  EXPECT_EQ(order_of(compiled, "128.32.1.1"), "[us-west, us-east, eu]") << "only the most specific row contributes";
  EXPECT_EQ(order_of(compiled, "128.1.1.1"), "[{us-east: 3, us-west: 1}, eu]");
  EXPECT_EQ(order_of(compiled, "128.32.7.9"), "[eu, us-west, us-east]");
  EXPECT_EQ(order_of(compiled, "10.0.0.1"), "[us-east, us-west, eu]");
}

TEST(Policies, AGroupKeepsWhatWasNotMentionedBefore) {
  const auto compiled = compile(spec_with(
      {{FailoverStep{{only(kEast)}}, {}}, {FailoverStep{{{Member{kEast, 3}, Member{kWest, 1}, Member{kEu, 2}}}}, {}}}));
  ASSERT_TRUE(compiled.tables) << messages(compiled);
  EXPECT_EQ(order_of(compiled, "10.0.0.1"), "[us-east, {us-west: 1, eu: 2}]");
}

TEST(Policies, NearestOrdersByDistanceAndBias) {
  const auto plain = compile(spec_with({{NearestStep{}, {}}, failover_all()}));
  ASSERT_TRUE(plain.tables);
  EXPECT_EQ(order_of(plain, "80.1.2.3"), "[eu, us-east, us-west]");
  EXPECT_EQ(order_of(plain, "128.32.1.1"), "[us-west, us-east, eu]");
  EXPECT_EQ(order_of(plain, "128.1.1.1"), "[us-east, us-west, eu]") << "no location: nothing from nearest";
  // Dublin to Berlin 1320 km, Ashburn 6700 km: 90 % of bias brings Ashburn to 670 km.
  const auto biased = compile(spec_with({{NearestStep{{90, 0, 0}}, {}}, failover_all()}));
  EXPECT_EQ(order_of(biased, "80.1.2.3"), "[us-east, eu, us-west]");
  const auto negative = compile(spec_with({{NearestStep{{0, 0, -90}}, {}}, failover_all()}));
  EXPECT_EQ(order_of(negative, "80.1.2.3"), "[us-east, us-west, eu]");
}

TEST(Policies, AFenceFiltersTheFinishedListWhereverItStands) {
  const auto compiled =
      compile(spec_with({{FenceStep{{{*GeoCode::parse("EU"), {kEu, kWest}, PositionId{7}}}}, {}}, failover_all()}));
  ASSERT_TRUE(compiled.tables) << messages(compiled);
  EXPECT_EQ(order_of(compiled, "80.1.2.3"), "[us-west, eu]");
  EXPECT_EQ(order_of(compiled, "2a00::1"), "[us-west, eu]");
  EXPECT_EQ(order_of(compiled, "128.1.1.1"), "[us-east, us-west, eu]");
}

TEST(Policies, AFenceThatLeavesAClientWithNothingIsAnError) {
  const auto compiled = compile(spec_with({{SubnetsStep{{{*Prefix::parse("80.7.0.0/16"), {only(kEast)}, {}}}}, {}},
                                           {GeoStep{{{*GeoCode::parse("EU-DE"), {only(kWest)}, {}}}}, {}},
                                           {FenceStep{{{*GeoCode::parse("EU"), {kEu}, PositionId{7}}}}, {}},
                                           {FailoverStep{{only(kEast)}}, {}}}));
  EXPECT_FALSE(compiled.tables);
  EXPECT_EQ(messages(compiled),
            "7: fence EU of policy 'closest' leaves a client such as 80.0.0.0 (EU-DE) with no region: the other steps "
            "give it [us-west, us-east]\n");
}

TEST(Policies, AClientThatNoStepNamesARegionForIsAnError) {
  const auto compiled = compile(spec_with({{GeoStep{{{*GeoCode::parse("EU"), {only(kEu)}, {}}}}, {}}}));
  EXPECT_FALSE(compiled.tables);
  EXPECT_EQ(messages(compiled),
            "1: policy 'closest' names no region for a client such as 0.0.0.0 (of no known place): end it with a "
            "failover step that names every region\n");
}

TEST(Policies, ARowThatTheDatabaseCannotMatchIsAnError) {
  const auto compiled = compile(spec_with({{GeoStep{{{*GeoCode::parse("EU-US"), {only(kEu)}, PositionId{3}},
                                                     {*GeoCode::parse("AS"), {only(kEu)}, PositionId{4}},
                                                     {*GeoCode::parse("NA-US-CA-SF"), {only(kEu)}, PositionId{5}}}},
                                            {}},
                                           failover_all()}));
  EXPECT_FALSE(compiled.tables);
  EXPECT_EQ(messages(compiled),
            "3: geo row EU-US can never match a client: did you mean NA-US?\n"
            "4: geo row AS can never match a client: small.mmdb (City) has no such place\n"
            "5: geo row NA-US-CA-SF can never match a client: small.mmdb (City) knows no subdivisions\n");
}

TEST(Policies, WhatWasGoodBeforeIsWorthAWarningWhenANewDatabaseHasItNoMore) {
  const auto steps = [] {
    return std::vector<Step>{{FenceStep{{{*GeoCode::parse("AS"), {kEu}, PositionId{2}}}}, {}},
                             {GeoStep{{{*GeoCode::parse("AS"), {only(kEu)}, PositionId{3}},
                                       {*GeoCode::parse("EU-DE"), {only(kWest)}, PositionId{4}}}},
                              {}},
                             {NearestStep{}, PositionId{5}},
                             {AsnStep{{{64500, {only(kEast)}, PositionId{6}}}}, PositionId{7}},
                             failover_all()};
  };
  SteeringSpec spec = spec_with(steps());
  const auto accepted = places_in(spec);
  std::vector<GeoRecord> records(1);
  records.push_back({*GeoCode::parse("EU-DE"), std::nullopt, 0, false});
  shared::PrefixTableBuilder ranges(0);
  ranges.add(*Prefix::parse("80.0.0.0/8"), 1);
  spec.geo = std::make_shared<const GeoDatabase>(GeoDatabase::Source{"new.mmdb", "City"}, std::move(records),
                                                 std::move(ranges).finish());
  SteeringSpec never = spec;
  EXPECT_FALSE(compile(std::move(never)).tables);
  spec.accepted = accepted;
  const auto compiled = compile(std::move(spec));
  ASSERT_TRUE(compiled.tables) << messages(compiled);
  EXPECT_EQ(
      messages(compiled),
      "2: fence row AS can never match a client: new.mmdb (City) has no such place\n"
      "3: geo row AS can never match a client: new.mmdb (City) has no such place\n"
      "5: nearest needs coordinates, but new.mmdb (City) has none\n"
      "7: asn needs AS numbers, but new.mmdb (City) has none: name a database that has (dns.geo.asn)\n"
      "5: step 'nearest' of policy 'closest' never changes an order: the steps before it name its regions for every "
      "client\n"
      "7: step 'asn' of policy 'closest' never changes an order: the steps before it name its regions for every "
      "client\n");
  EXPECT_EQ(order_of(compiled, "80.1.2.3"), "[us-west, us-east, eu]");
}

TEST(Policies, WithoutADatabaseGeoAndNearestAreErrors) {
  SteeringSpec spec = spec_with({{GeoStep{{{*GeoCode::parse("EU"), {only(kEu)}, PositionId{3}}}}, {}},
                                 {NearestStep{}, PositionId{4}},
                                 failover_all()});
  spec.geo = std::make_shared<const GeoDatabase>();
  EXPECT_EQ(messages(compile(std::move(spec))),
            "3: geo row EU can never match a client: there is no geo database\n"
            "4: nearest needs a geo database (dns.geo.database)\n");
}

TEST(Policies, StepsAfterOneThatAlwaysNamesEveryRegionAreDeadText) {
  const auto compiled = compile(spec_with({failover_all(), {NearestStep{}, PositionId{4}}}));
  ASSERT_TRUE(compiled.tables);
  ASSERT_EQ(compiled.findings.size(), 1u);
  EXPECT_EQ(compiled.findings[0].severity, Finding::Severity::warning);
  EXPECT_EQ(messages(compiled),
            "4: step 'nearest' of policy 'closest' never changes an order: the steps before it name its regions for "
            "every client\n");
}

TEST(Policies, RegionsThatDifferInFamiliesAreRefusedUnlessTheNameSaysWhich) {
  SteeringSpec spec = spec_with({failover_all()});
  spec.regions[0].edges.push_back(*IpAddress::parse("2001:db8:1::11"));
  EXPECT_EQ(messages(compile(spec)),
            "2: www.example.com: region 'us-east' has IPv6 edges, region 'eu' has none: give it one, or say families: "
            "[a]\n");
  spec.names[0].families = std::vector{shared::Family::ipv4};
  const auto compiled = compile(spec);
  ASSERT_TRUE(compiled.tables);
  EXPECT_TRUE(compiled.tables->has(PolicyNameId{0}, AddressType::a));
  EXPECT_FALSE(compiled.tables->has(PolicyNameId{0}, AddressType::aaaa));
  spec.names[0].families = std::vector{shared::Family::ipv6};
  EXPECT_EQ(messages(compile(spec)), "2: www.example.com says families: aaaa, but region 'eu' has no IPv6 edge\n");
}

TEST(Policies, AUniformPolicyHasScopeZeroInBothFamilies) {
  const auto compiled = compile(spec_with({failover_all()}));
  ASSERT_TRUE(compiled.tables);
  const auto& policy = compiled.tables->compiled()[0];
  EXPECT_EQ(policy.clients.lookup(*IpAddress::parse("192.0.2.1")).depth, 0);
  EXPECT_EQ(policy.clients.lookup(*IpAddress::parse("2001:db8::1")).depth, 0);
}

TEST(Policies, ResolversHaveATableOfTheirOwn) {
  const auto compiled =
      compile(spec_with({{ResolversStep{{{*Prefix::parse("9.9.9.0/24"), {only(kEu)}, {}}}}, {}}, failover_all()}));
  ASSERT_TRUE(compiled.tables);
  const auto& policy = compiled.tables->compiled()[0];
  ASSERT_TRUE(policy.resolvers);
  EXPECT_NE(policy.resolvers->lookup(*IpAddress::parse("9.9.9.9")).value,
            policy.clients.lookup(*IpAddress::parse("9.9.9.9")).value);
  EXPECT_EQ(order_of(compiled, "9.9.9.9"), "[us-east, us-west, eu]") << "as a client it is like any other";
}

TEST(Policies, AutonomousSystemsComeFromADatabaseOfTheirOwn) {
  const AsnStep rows{{{64500, {only(kEu)}, PositionId{3}}, {64501, {only(kWest)}, PositionId{4}}}};
  SteeringSpec spec =
      spec_with({{rows, PositionId{2}}, {GeoStep{{{*GeoCode::parse("EU"), {only(kEu)}, {}}}}, {}}, failover_all()});
  EXPECT_EQ(messages(compile(spec)),
            "2: asn needs AS numbers, but small.mmdb (City) has none: name a database that has (dns.geo.asn)\n");
  std::vector<GeoRecord> systems = {{}, {{}, std::nullopt, 64500}};
  spec.asn = std::make_shared<const GeoDatabase>(
      GeoDatabase::Source{"asn.mmdb", "ASN"}, std::move(systems),
      shared::PrefixTable::from_rows({{*Prefix::parse("128.32.16.0/20"), 1}, {*Prefix::parse("2a01::/24"), 1}}, 0));
  const auto compiled = compile(spec);
  ASSERT_TRUE(compiled.tables) << messages(compiled);
  EXPECT_EQ(messages(compiled), "4: asn row AS64501 matches no client: asn.mmdb (ASN) has no network of it\n");
  EXPECT_EQ(order_of(compiled, "128.32.17.1"), "[eu, us-east, us-west]");
  EXPECT_EQ(order_of(compiled, "128.32.32.1"), "[us-east, us-west, eu]");
  EXPECT_EQ(order_of(compiled, "2a01:0:1::1"), "[eu, us-east, us-west]");
  EXPECT_EQ(compiled.tables->compiled()[0].clients.lookup(*IpAddress::parse("128.32.17.1")).depth, 20);
}

TEST(Policies, NamesThatDifferInNothingShareAProfile) {
  SteeringSpec spec = spec_with({failover_all()});
  spec.names.push_back(spec.names[0]);
  spec.names.push_back(spec.names[0]);
  spec.names[2].answers = 1;
  const auto compiled = compile(spec);
  ASSERT_TRUE(compiled.tables);
  EXPECT_EQ(compiled.tables->profiles().size(), 2u);
  EXPECT_EQ(compiled.tables->profile_of(PolicyNameId{0}), compiled.tables->profile_of(PolicyNameId{1}));
}

}  // namespace
}  // namespace dns::policy_tables_test
