#include "dns/core/steer/moves.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dns::moves_test {
namespace {

using shared::IpAddress;
using shared::Prefix;

constexpr RegionId kEast{0};
constexpr RegionId kWest{1};
constexpr RegionId kEu{2};

std::shared_ptr<const GeoDatabase> world_of(std::vector<std::pair<const char*, const char*>> networks) {
  std::vector<GeoRecord> records = {{}};
  std::vector<shared::PrefixRow> rows;
  for (const auto& [network, place] : networks) {
    rows.push_back({*Prefix::parse(network), static_cast<std::uint32_t>(records.size())});
    records.push_back({*GeoCode::parse(place), std::nullopt, 0});
  }
  return std::make_shared<const GeoDatabase>(GeoDatabase::Source{"test", "City"}, std::move(records),
                                             shared::PrefixTable::from_rows(rows, 0));
}

Element only(RegionId region) { return {Member{region, 1}}; }

// One configuration over one database: EU to eu, NA to `americas`, all others to us-east.
struct World {
  CompiledPolicies compiled;
  std::shared_ptr<const AnswerSets> answers;

  explicit World(std::shared_ptr<const GeoDatabase> geo, Element americas = only(kEast)) {
    SteeringSpec spec;
    spec.regions = {{"us-east", {}, {*IpAddress::parse("192.0.2.11"), *IpAddress::parse("2001:db8::11")}},
                    {"us-west", {}, {*IpAddress::parse("192.0.2.21"), *IpAddress::parse("2001:db8::21")}},
                    {"eu", {}, {*IpAddress::parse("192.0.2.31"), *IpAddress::parse("2001:db8::31")}}};
    const GeoStep geo_step{{{*GeoCode::parse("EU"), {only(kEu)}, {}}, {*GeoCode::parse("NA"), {americas}, {}}}};
    spec.policies = {{"p", {{geo_step, {}}, {FailoverStep{{only(kEast), only(kWest), only(kEu)}}, {}}}, {}}};
    spec.geo = std::move(geo);
    spec.names.push_back({});
    spec.names.back().name = "www";
    compiled = compile(std::move(spec));
    set_down({});
  }
  void set_down(std::vector<RegionId> down) {
    HealthView view = HealthView::all_up(compiled.tables->spec().regions);
    for (const RegionId id : down) std::ranges::fill(view.regions[index_of(id)].edges, EdgeState::down);
    answers = AnswerSets::build(*compiled.tables, view);
  }
  [[nodiscard]] Side side() const { return {compiled.tables.get(), answers.get()}; }
};

const std::vector<std::pair<const char*, const char*>> kNetworks = {
    {"80.0.0.0/8", "EU-DE"}, {"128.0.0.0/8", "NA-US"}, {"2a00::/12", "EU-DE"}, {"2600::/12", "NA-US"}};
constexpr double kEighth = 1.0 / 224;  // of a /8, of the unicast space

TEST(Moves, NothingMovesBetweenEqualSides) {
  const World a(world_of(kNetworks));
  const World b(world_of(kNetworks));
  const auto report = moves_of_space(a.side(), b.side());
  ASSERT_EQ(report.names.size(), 1U);
  EXPECT_EQ(report.moved, 0);
  EXPECT_TRUE(report.added.empty());
  EXPECT_TRUE(report.removed.empty());
  EXPECT_EQ(report.names[0].moved_v6, 0);
  EXPECT_TRUE(report.names[0].flows.empty());
  EXPECT_TRUE(report.names[0].blocks.empty());
  double whole = 0;
  for (const auto& region : report.names[0].regions) whole += region.after;
  EXPECT_NEAR(whole, 1, 1e-9);
}

TEST(Moves, CountsTheAddressesThatChangeTheirRegion) {
  const World a(world_of(kNetworks));
  auto networks = kNetworks;
  networks[0] = {"80.0.0.0/9", "EU-DE"};  // 80.128.0.0/9 is nowhere now
  networks[2] = {"2a00::/13", "EU-DE"};   // 2a08::/13 likewise
  networks.push_back({"129.0.0.0/8", "EU-FR"});
  const World b(world_of(networks));
  const auto report = moves_of_space(a.side(), b.side());
  const NameMoves& name = report.names.at(0);
  EXPECT_NEAR(name.moved, 1.5 * kEighth, 1e-12);
  EXPECT_NEAR(name.moved_v6, 1.0 / 1024, 1e-12);  // a /13 of 2000::/3
  ASSERT_EQ(name.flows.size(), 2U);
  EXPECT_EQ(name.flows[0].from + ">" + name.flows[0].to, "us-east>eu");
  EXPECT_NEAR(name.flows[0].share, kEighth, 1e-12);
  EXPECT_EQ(name.flows[1].from + ">" + name.flows[1].to, "eu>us-east");
  ASSERT_EQ(name.blocks.size(), 3U);
  EXPECT_EQ(name.blocks[0].block.to_string(), "129.0.0.0/8");
  EXPECT_EQ(name.blocks[1].block.to_string(), "80.128.0.0/9");
  EXPECT_EQ(name.blocks[2].block.to_string(), "2a08::/13");
}

TEST(Moves, FollowsARegionThatGoesDown) {
  const World a(world_of(kNetworks), {Member{kEast, 3}, Member{kWest, 1}});
  World b(world_of(kNetworks), {Member{kEast, 3}, Member{kWest, 1}});
  b.set_down({kWest});
  const NameMoves name = moves_of_space(a.side(), b.side()).names.at(0);
  ASSERT_EQ(name.flows.size(), 1U) << "those who had us-east keep it";
  EXPECT_EQ(name.flows[0].from + ">" + name.flows[0].to, "us-west>us-east");
  EXPECT_NEAR(name.moved, kEighth / 4, 1e-12) << "a quarter of 128.0.0.0/8";
}

// The shares are the weights, however few rows the answers come in: a draw is made for each query.
TEST(Moves, WeightedGroupsMoveByTheirWeights) {
  const Element group = {Member{kEast, 70}, Member{kWest, 20}, Member{kEu, 10}};
  const World a(world_of(kNetworks), group);
  World b(world_of(kNetworks), group);
  b.set_down({kEast});
  for (const char* resolver : {"128.1.1.0/24", "2601:1::/48"}) {
    const std::vector<GivenAnswer> given = {{"www", *Prefix::parse(resolver), false, 8}};
    const NameMoves name = moves_of_answers(a.side(), b.side(), given).names.at(0);
    EXPECT_NEAR(name.moved, 0.7, 1e-12);
    ASSERT_EQ(name.regions.size(), 3U);
    EXPECT_EQ(name.regions[0].region, "eu");
    EXPECT_NEAR(name.regions[0].before, 0.1, 1e-12);
    EXPECT_NEAR(name.regions[0].after, 1.0 / 3, 1e-12);
    EXPECT_NEAR(name.regions[1].before, 0.7, 1e-12);
    EXPECT_NEAR(name.regions[1].after, 0, 1e-12);
    EXPECT_NEAR(name.regions[2].before, 0.2, 1e-12);
    EXPECT_NEAR(name.regions[2].after, 2.0 / 3, 1e-12);
    EXPECT_GT(name.error, 0.2) << "eight answers";
  }
}

TEST(Moves, EstimatesAreWorseTheFewerAnswersThereAre) {
  const World a(world_of(kNetworks));
  const auto error = [&](std::uint64_t count) {
    const std::vector<GivenAnswer> given = {{"www", *Prefix::parse("80.1.1.0/24"), true, count}};
    const auto report = moves_of_answers(a.side(), a.side(), given);
    EXPECT_EQ(report.moved, 0);
    EXPECT_EQ(report.error, report.names.at(0).error);
    return report.error;
  };
  EXPECT_GT(error(5), 0.2) << "none of five says little";
  EXPECT_LT(error(5000), 0.001);
}

TEST(Moves, WeighsByTheAnswersGiven) {
  const World a(world_of(kNetworks));
  World b(world_of(kNetworks));
  b.set_down({kEu});
  const std::vector<GivenAnswer> given = {{"www", *Prefix::parse("80.1.1.0/24"), true, 30},
                                          {"www", *Prefix::parse("128.1.1.0/24"), true, 60},
                                          {"www", *Prefix::parse("2a01:1::/48"), false, 10},
                                          {"gone", *Prefix::parse("80.1.1.0/24"), true, 1000}};
  const auto report = moves_of_answers(a.side(), b.side(), given);
  EXPECT_EQ(report.weight, 100);
  EXPECT_NEAR(report.moved, 0.4, 1e-12);
  const NameMoves& name = report.names.at(0);
  ASSERT_EQ(name.blocks.size(), 2U);
  EXPECT_EQ(name.blocks[0].block.to_string(), "80.1.1.0/24");
  EXPECT_NEAR(name.blocks[0].share, 0.3, 1e-12);
  EXPECT_EQ(name.blocks[1].block.to_string(), "2a01:1::/48");
}

TEST(Moves, TellsNamesThatCameAndWent) {
  World a(world_of(kNetworks));
  SteeringSpec spec = a.compiled.tables->spec();
  spec.names[0].name = "shop";
  World b(world_of(kNetworks));
  b.compiled = compile(std::move(spec));
  b.set_down({});
  const auto report = moves_of_space(a.side(), b.side());
  EXPECT_TRUE(report.names.empty());
  EXPECT_EQ(report.added, std::vector<std::string>{"shop"});
  EXPECT_EQ(report.removed, std::vector<std::string>{"www"});
}

}  // namespace
}  // namespace dns::moves_test
