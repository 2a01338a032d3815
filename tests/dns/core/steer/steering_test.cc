#include "dns/core/steer/steering.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "dns/core/steer/answer_sets.h"
#include "dns/core/steer/policy_tables.h"
#include "tests/support/steering_reference.h"

namespace dns::steering_test {
namespace {

using shared::IpAddress;
using shared::Prefix;

constexpr RegionId kEast{0};
constexpr RegionId kWest{1};
constexpr RegionId kEu{2};

Element only(RegionId region) { return {Member{region, 1}}; }
IpAddress edge(unsigned region, unsigned index) { return IpAddress::v4(0xC0000200 + 16 * region + index); }

// Three regions of four edges; Germans to eu, all others by weight 3:1 to us-east and us-west.
SteeringSpec weighted_spec() {
  SteeringSpec spec;
  for (unsigned r = 0; r < 3; ++r) {
    Region region{std::array{"us-east", "us-west", "eu"}[r], std::nullopt, {}};
    for (unsigned i = 0; i < 4; ++i) region.edges.push_back(edge(r, i));
    spec.regions.push_back(region);
  }
  std::vector<GeoRecord> records = {{}, {*GeoCode::parse("EU-DE"), std::nullopt, 0}};
  spec.geo =
      std::make_shared<const GeoDatabase>(GeoDatabase::Source{"small.mmdb", "Country"}, std::move(records),
                                          shared::PrefixTable::from_rows({{*Prefix::parse("80.0.0.0/8"), 1}}, 0));
  spec.policies.push_back({"shares",
                           {{GeoStep{{{*GeoCode::parse("EU"), {only(kEu)}, {}}}}, {}},
                            {FailoverStep{{{Member{kEast, 3}, Member{kWest, 1}}, only(kEu)}}, {}}},
                           {}});
  for (const std::uint16_t answers : {0, 2}) {
    SteeredName name;
    name.name = "www.example.com";
    name.answers = answers;
    spec.names.push_back(name);
  }
  spec.seed = 42;
  return spec;
}

class Steering : public testing::Test {
 protected:
  void SetUp() override {
    tables_ = compile(weighted_spec()).tables;
    ASSERT_TRUE(tables_);
    health_ = HealthView::all_up(tables_->spec().regions);
    publish();
  }
  void publish() { answers_ = AnswerSets::build(*tables_, health_); }
  void take_down(RegionId region) {
    std::ranges::fill(health_.regions[index_of(region)].edges, EdgeState::down);
    publish();
  }
  [[nodiscard]] Choice ask(const char* subnet, std::uint8_t source, unsigned name = 0) const {
    return ask({IpAddress::v4(0x7F000001), ClientSubnet{*IpAddress::parse(subnet), source}, 0}, name);
  }
  [[nodiscard]] Choice ask(const Client& client, unsigned name = 0) const {
    NullTrace trace;
    return choose(*tables_, *answers_, PolicyNameId{name}, AddressType::a, client, trace);
  }
  [[nodiscard]] static unsigned region_of(const Choice& choice) {
    return (test::decode(choice, AddressType::a).addresses.at(0).v4_value() - 0xC0000200) / 16;
  }
  [[nodiscard]] std::string tell(const char* subnet, std::uint8_t source, unsigned name = 0) const {
    RecordingTrace trace;
    const Client client{IpAddress::v4(0x7F000001), ClientSubnet{*IpAddress::parse(subnet), source}, 0};
    (void)choose(*tables_, *answers_, PolicyNameId{name}, AddressType::a, client, trace);
    std::string text;
    for (const auto& line : trace.lines()) text += std::string(line.topic) + ": " + line.text + "\n";
    return text;
  }
  // Share of each region among 20,000 /24s.
  [[nodiscard]] std::map<unsigned, double> shares() const {
    std::map<unsigned, double> out;
    for (std::uint32_t i = 0; i < 20000; ++i) {
      const IpAddress address = IpAddress::v4(0x28000000 + (i << 8));
      out[region_of(ask({IpAddress::v4(0), ClientSubnet{address, 24}, 0}))] += 1.0 / 20000;
    }
    return out;
  }

  std::shared_ptr<const PolicyTables> tables_;
  HealthView health_;
  std::shared_ptr<const AnswerSets> answers_;
};

TEST_F(Steering, SharesFollowTheWeights) {
  auto found = shares();
  EXPECT_NEAR(found[0], 0.75, 0.02);
  EXPECT_NEAR(found[1], 0.25, 0.02);
}

TEST_F(Steering, LosingARegionMovesOnlyItsOwnClients) {
  std::vector<unsigned> before;
  for (std::uint32_t i = 0; i < 500; ++i) {
    before.push_back(region_of(ask({IpAddress::v4(0), ClientSubnet{IpAddress::v4(0x28000000 + (i << 8)), 24}, 0})));
  }
  take_down(kWest);
  for (std::uint32_t i = 0; i < 500; ++i) {
    const unsigned now = region_of(ask({IpAddress::v4(0), ClientSubnet{IpAddress::v4(0x28000000 + (i << 8)), 24}, 0}));
    EXPECT_EQ(now, 0u);
    if (before[i] == 0) {
      EXPECT_EQ(now, before[i]);
    }
  }
}

TEST_F(Steering, ScopeIsTheTablesDepthOrTheGranularityOfVariants) {
  EXPECT_EQ(ask("80.1.2.3", 32).scope, 8) << "one region: the depth of the row";
  EXPECT_EQ(ask("40.1.2.3", 32).scope, 24) << "a weighted group: by /24";
  EXPECT_EQ(ask("40.1.0.0", 16).scope, 24) << "longer than the source: padded with zeros";
  EXPECT_EQ(ask("80.1.2.3", 32, 1).scope, 24) << "a window of edges: by /24";
  EXPECT_EQ(ask("2a00::1", 56).scope, 56);
  EXPECT_EQ(ask("::ffff:80.1.2.3", 128).scope, 96 + 8);
  EXPECT_EQ(ask("2002:5001:203::", 48).scope, 16 + 8) << "6to4";
  EXPECT_EQ(ask("0.0.0.0", 0).scope, 0);
  take_down(kWest);
  EXPECT_EQ(ask("40.1.2.3", 32).scope, 3) << "one member left, no variants: without 80.0.0.0/8 and 10.0.0.0/8";
}

// Private addresses say nothing of a place (RFC 7871 section 10).
TEST_F(Steering, PrivateSubnetsAreAnsweredByTheResolversAddress) {
  const IpAddress german = *IpAddress::parse("80.1.2.3");
  const auto asked_for = [&](const char* subnet) {
    const Prefix block = *Prefix::parse(subnet);
    return ask({german, ClientSubnet{block.address, block.length}, 0});
  };
  struct Case {
    const char* subnet;
    unsigned scope;
  };
  for (const Case& c : std::initializer_list<Case>{{"10.1.2.0/24", 8},
                                                   {"10.0.0.0/8", 8},
                                                   {"172.31.255.0/24", 12},
                                                   {"192.168.1.7/32", 16},
                                                   {"127.0.0.1/32", 8},
                                                   {"169.254.1.0/24", 16},
                                                   {"100.127.0.0/16", 10},
                                                   {"fd00:1:2::/56", 7},
                                                   {"fe80::1/128", 10},
                                                   {"::1/128", 128},
                                                   {"::ffff:10.1.2.3/128", 96 + 8},
                                                   {"64:ff9b::c0a8:101/128", 96 + 16}}) {
    EXPECT_EQ(region_of(asked_for(c.subnet)), 2u) << c.subnet << ": as the resolver is";
    EXPECT_EQ(asked_for(c.subnet).scope, c.scope) << c.subnet;
  }
  for (const char* beside : {"11.0.0.0/24", "172.32.0.0/24", "192.167.0.0/16", "100.128.0.0/24", "fec0::/48"}) {
    EXPECT_NE(region_of(asked_for(beside)), 2u) << beside << ": public, and nowhere near the resolver";
  }
  take_down(kWest);
  EXPECT_EQ(asked_for("11.0.0.0/24").scope, 8) << "never a block that holds a private one";
  EXPECT_NE(tell("10.1.2.3", 32).find("is private and says nothing of a place"), std::string::npos);
  EXPECT_NE(tell("10.1.2.3", 32).find("/8: the private block"), std::string::npos);
}

TEST_F(Steering, SourceZeroIsAnsweredByTheResolversAddress) {
  const Client german{*IpAddress::parse("80.1.2.3"), ClientSubnet{IpAddress::v4(0), 0}, 7};
  EXPECT_EQ(region_of(ask(german)), 2u);
  EXPECT_EQ(ask(german).scope, 0);
}

TEST_F(Steering, WithoutASubnetTheVariantIsDrawnPerQuery) {
  std::map<unsigned, int> seen;
  for (std::uint64_t i = 0; i < 4000; ++i) ++seen[region_of(ask({*IpAddress::parse("10.0.0.53"), std::nullopt, i}))];
  EXPECT_NEAR(seen[0] / 4000.0, 0.75, 0.03);
}

// A client is the same behind its translator or tunnel: the weights choose by the IPv4 address, whatever it is wrapped
// in.
TEST_F(Steering, AnEmbeddedIpv4AddressHasTheVariantOfItself) {
  std::map<unsigned, int> seen;
  for (std::uint32_t i = 0; i < 400; ++i) {
    const std::uint32_t value = 0x28000000 + (i << 8) + 9;
    const Choice bare = ask({IpAddress::v4(0), ClientSubnet{IpAddress::v4(value), 32}, 0});
    ++seen[region_of(bare)];
    for (const auto& [text, shift] :
         {std::pair("::ffff:0:0", 96), std::pair("64:ff9b::", 96), std::pair("2002::", 16)}) {
      IpAddress wrapped = *IpAddress::parse(text);
      for (unsigned octet = 0; octet < 4; ++octet) {
        wrapped.bytes[static_cast<std::size_t>(shift / 8) + octet] =
            static_cast<std::uint8_t>(value >> (24 - 8 * octet));
      }
      const Choice choice = ask({IpAddress::v4(0), ClientSubnet{wrapped, 128}, i});
      ASSERT_EQ(region_of(choice), region_of(bare)) << wrapped.to_string();
      ASSERT_EQ(choice.scope, shift + bare.scope) << wrapped.to_string();
    }
  }
  EXPECT_EQ(seen.size(), 2U) << "both members of the group are drawn";
}

TEST_F(Steering, AnswersAreAWindowOfTheOneRegion) {
  std::map<std::uint32_t, int> starts;
  for (std::uint32_t i = 0; i < 400; ++i) {
    const Choice choice = ask({IpAddress::v4(0), ClientSubnet{IpAddress::v4(0x50000000 + (i << 8)), 24}, 0}, 1);
    const auto addresses = test::decode(choice, AddressType::a).addresses;
    ASSERT_EQ(addresses.size(), 2u);
    const unsigned first = addresses[0].v4_value() & 15;
    EXPECT_EQ(addresses[0], edge(2, first));
    EXPECT_EQ(addresses[1], edge(2, (first + 1) % 4));
    ++starts[first];
  }
  EXPECT_EQ(starts.size(), 4u);
}

TEST_F(Steering, TheBytesAreReadyForTheWire) {
  const Choice choice = ask("80.1.2.3", 32);
  ASSERT_EQ(choice.rrset.count, 4);
  const std::vector<std::uint8_t> first(choice.rrset.wire.begin(), choice.rrset.wire.begin() + 16);
  EXPECT_EQ(first, (std::vector<std::uint8_t>{0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 32}));
}

TEST_F(Steering, TtlFallsWhereTheAnswerMayChangeSoon) {
  const auto ttl = [&](const char* client) { return *test::decode(ask(client, 32), AddressType::a).ttls.begin(); };
  health_.regions[index_of(kEu)].pressure = true;
  publish();
  EXPECT_EQ(ttl("80.1.2.3"), 10u);
  EXPECT_EQ(ttl("40.1.2.3"), 60u) << "eu stands behind what answers these";
}

TEST_F(Steering, OrderOfUseIsUpFullDrainedAllDown) {
  health_.regions[index_of(kEu)].full = true;
  publish();
  EXPECT_NE(region_of(ask("80.1.2.3", 32)), 2u) << "others are up";
  take_down(kEast);
  std::ranges::fill(health_.regions[index_of(kWest)].edges, EdgeState::drained);
  publish();
  EXPECT_EQ(region_of(ask("40.1.2.3", 32)), 2u) << "full before drained";
  take_down(kEu);
  EXPECT_EQ(region_of(ask("40.1.2.3", 32)), 1u) << "drained before nothing";
  take_down(kWest);
  const Choice all = ask("40.1.2.3", 32);
  EXPECT_EQ(all.rrset.count, 12) << "answer_all";
  health_.regions[index_of(kEast)].forced = true;
  publish();
  EXPECT_EQ(ask("40.1.2.3", 32).rrset.count, 8) << "but not what the operator took down";
}

TEST_F(Steering, WhatIsNotKnownComesAfterWhatIsKnownToServe) {
  std::ranges::fill(health_.regions[index_of(kEu)].edges, EdgeState::unknown);
  health_.regions[index_of(kEu)].pressure = true;
  publish();
  EXPECT_NE(region_of(ask("80.1.2.3", 32)), 2u) << "others are known to be up";
  EXPECT_EQ(*test::decode(ask("80.1.2.3", 32), AddressType::a).ttls.begin(), 10u) << "it may come any time";
  EXPECT_NE(tell("80.1.2.0", 24).find("-> passed over: not probed yet: what is known to serve comes first\n"),
            std::string::npos);
  for (const RegionId other : {kEast, kWest}) {
    std::ranges::fill(health_.regions[index_of(other)].edges, EdgeState::drained);
  }
  publish();
  EXPECT_EQ(region_of(ask("80.1.2.3", 32)), 2u) << "before drained ones";
  health_.regions[index_of(kEu)].edges[1] = EdgeState::up;
  publish();
  const Choice choice = ask("80.1.2.3", 32);
  EXPECT_EQ(choice.rrset.count, 1) << "inside a region likewise";
}

TEST_F(Steering, WhatIsHeldDownIsUsedIfNothingElseIsUp) {
  std::ranges::fill(health_.regions[index_of(kEu)].edges, EdgeState::held_down);
  publish();
  EXPECT_NE(region_of(ask("80.1.2.3", 32)), 2u);
  EXPECT_NE(tell("80.1.2.0", 24).find("-> passed over: held down: used only if nothing else is up\n"),
            std::string::npos);
  take_down(kEast);
  take_down(kWest);
  EXPECT_EQ(region_of(ask("80.1.2.3", 32)), 2u);
}

// A maintenance of all regions that has been published for long is no reason to be asked more often than usual.
TEST_F(Steering, DrainedRegionsKeepTheMaximumWhileNoneIsDown) {
  const auto ttl = [&] { return *test::decode(ask("80.1.2.3", 32), AddressType::a).ttls.begin(); };
  for (const RegionId region : {kEast, kWest, kEu}) {
    std::ranges::fill(health_.regions[index_of(region)].edges, EdgeState::drained);
  }
  publish();
  EXPECT_EQ(ttl(), 60u);
  take_down(kWest);
  EXPECT_EQ(ttl(), 10u) << "a better one should be back before long";
}

TEST_F(Steering, AllDownPoliciesKeepARealScope) {
  for (const auto policy : {WhenAllDown::nodata, WhenAllDown::refuse}) {
    SteeringSpec spec = weighted_spec();
    spec.names[0].when_all_down = policy;
    tables_ = compile(spec).tables;
    for (const RegionId region : {kEast, kWest, kEu}) take_down(region);
    const Choice choice = ask("80.1.2.3", 32);
    EXPECT_EQ(choice.rrset.count, 0);
    EXPECT_EQ(choice.refuse, policy == WhenAllDown::refuse);
    EXPECT_EQ(choice.scope, 8);
  }
}

// What is left when nothing serves is all of it, whatever `answers` says, and what one order leaves is no other's.
TEST_F(Steering, AllDownAnswersAllOfItsOwnOrder) {
  SteeringSpec spec = weighted_spec();
  for (SteeredName& name : spec.names) name.when_all_down = WhenAllDown::answer_all;
  tables_ = compile(spec).tables;
  for (const RegionId region : {kEast, kWest, kEu}) take_down(region);
  const auto first = test::decode(ask("80.1.2.3", 32), AddressType::a).addresses;
  EXPECT_GE(first.size(), 4U);
  for (std::uint32_t i = 0; i < 100; ++i) {
    const ClientSubnet german{IpAddress::v4(0x50000000 + (i << 8)), 24};
    EXPECT_EQ(test::decode(ask({IpAddress::v4(0), german, 0}, 0), AddressType::a).addresses, first);
    EXPECT_EQ(test::decode(ask({IpAddress::v4(0), german, 0}, 1), AddressType::a).addresses.size(), first.size());
  }
}

TEST_F(Steering, TheTraceTellsEveryStep) {
  EXPECT_EQ(tell("80.1.2.0", 24),
            "policy: www.example.com uses policy shares\n"
            "address: client subnet 80.1.2.0/24\n"
            "database: 80.0.0.0/8 is EU-DE (small.mmdb, Country)\n"
            "geo: row EU adds [eu]\n"
            "failover: adds [{us-east: 3, us-west: 1}, eu], of which [eu] were named before\n"
            "order: [eu, {us-east: 3, us-west: 1}], class 1: the same for all of 80.0.0.0/8\n"
            "health: eu is up -> ANSWERS\n"
            "health: us-east is up -> not reached: the order names it later\n"
            "health: us-west is up -> not reached: the order names it later\n"
            "choice: eu: the first region of the order that can serve\n"
            "ttl: 60 s, the maximum: nothing is about to change\n"
            "scope: /8: a resolver may give this answer to every client of that block; the table decides at /8\n");
}

TEST_F(Steering, TheTraceTellsWhatWasPassedOverAndWhy) {
  take_down(kEu);
  health_.regions[index_of(kEu)].note = "down, down by the operator (flood)";
  std::ranges::fill(health_.regions[index_of(kWest)].edges, EdgeState::drained);
  health_.regions[index_of(kWest)].pressure = true;
  publish();
  const std::string text = tell("80.1.2.0", 24, 1);
  for (const char* expected :
       {"health: eu is down, down by the operator (flood) -> passed over: no IPv4 edge of it is up\n",
        "health: us-east is up -> ANSWERS\n",
        "health: us-west is up -> passed over: drained: used only if nothing else is up\n",
        "choice: us-east: drawn by weight from {us-east: 3, us-west: 1 (cannot serve)}, the first group that can "
        "serve; the draw is fixed by the client's block\n",
        "window: 2 of its 4 edges that are up, from number ", "ttl: 10 s, the minimum: [us-west] may change soon\n",
        "draws are made for each /24\n"}) {
    EXPECT_NE(text.find(expected), std::string::npos) << expected << "\nnot in\n" << text;
  }
  for (const RegionId region : {kEast, kWest}) take_down(region);
  EXPECT_NE(tell("80.1.2.0", 24).find("choice: no region of the order can serve: every edge of it is given"),
            std::string::npos);
}

}  // namespace
}  // namespace dns::steering_test
