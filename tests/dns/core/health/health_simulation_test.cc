// One hour of three regions in simulated time, from probes to answers: lost probes move nothing, a dead region moves
// its own clients in time, and all of it takes milliseconds.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "dns/core/health/region_health.h"
#include "dns/core/steer/answer_sets.h"
#include "dns/core/steer/policy_tables.h"
#include "dns/core/steer/steering.h"
#include "shared/core/probe_plan.h"

namespace dns::health_simulation_test {
namespace {

using shared::Duration;
using shared::IpAddress;
using shared::seconds;
using shared::TimePoint;

const TimePoint kStart{std::chrono::hours(1)};
constexpr Duration kInterval = seconds(2);
constexpr Duration kTimeout = seconds(1);

// Three regions of two edges; a third of the clients prefers each.
SteeringSpec spec() {
  SteeringSpec out;
  for (unsigned r = 0; r < 3; ++r) {
    Region region{"r" + std::to_string(r), std::nullopt, {}};
    for (unsigned e = 0; e < 2; ++e) region.edges.push_back(IpAddress::v4(0xC0000200 + 16 * r + e));
    out.regions.push_back(region);
  }
  const auto first = [](unsigned r) {
    Order order;
    for (unsigned i = 0; i < 3; ++i) order.push_back({Member{static_cast<RegionId>((r + i) % 3), 1}});
    return order;
  };
  SubnetsStep subnets;
  for (unsigned r = 0; r < 3; ++r) {
    subnets.rows.push_back({{IpAddress::v4((10 + r) << 24), 8}, first(r), {}});
  }
  out.policies.push_back({"p", {{subnets, {}}, {FailoverStep{first(0)}, {}}}, {}});
  SteeredName name;
  name.name = "www.example.com";
  out.names.push_back(name);
  out.geo = std::make_shared<const GeoDatabase>();
  return out;
}

// What SteeringControl does with probes, in simulated time.
class Simulation {
 public:
  explicit Simulation(std::uint64_t seed)
      : random_(seed),
        tables_(compile(spec()).tables),
        health_(tables_->spec().regions, {{3, 2}, seconds(1), seconds(7), seconds(60)}, kStart,
                std::vector<PersistedEdge>{}),
        answers_(AnswerSets::build(*tables_, health_.view())) {
    for (unsigned r = 0; r < 3; ++r) {
      for (std::uint16_t e = 0; e < 2; ++e) edges_.push_back({{static_cast<RegionId>(r), e}, {}});
    }
  }

  // One round of every edge, begun at `now`. Edges of `silent` never answer.
  void round(TimePoint now, double loss, std::optional<RegionId> silent) {
    for (Edge& edge : edges_) {
      const unsigned attempts = shared::ProbePlan(edge.suspicion.next()).attempts();
      bool answered = false;
      for (unsigned i = 0; i < attempts && !answered; ++i) answered = unit_(random_) >= loss;
      answered = answered && edge.id.region != silent;
      edge.suspicion.note(answered ? shared::ProbeOutcome::success : shared::ProbeOutcome::failure);
      const TimePoint end = answered ? now : now + kTimeout;
      if (!health_.observe(edge.id, answered ? EdgeOutcome::success : EdgeOutcome::failure, end)) continue;
      answers_ = AnswerSets::build(*tables_, health_.view());
      ++builds_;
    }
  }
  struct Given {
    RegionId region{};
    std::uint16_t count = 0;
    std::uint32_t ttl = 0;
    bool operator==(const Given&) const = default;
  };
  [[nodiscard]] Given answer_for(unsigned client) const {
    NullTrace trace;
    const Client who{IpAddress::v4(1), ClientSubnet{IpAddress::v4((10 + client) << 24), 24}, 0};
    const Choice choice = choose(*tables_, *answers_, PolicyNameId{0}, AddressType::a, who, trace);
    return {choice.region, choice.rrset.count, choice.rrset.wire[9]};
  }
  [[nodiscard]] std::uint64_t builds() const { return builds_; }

 private:
  struct Edge {
    EdgeId id;
    shared::ProbeSuspicion suspicion;
  };
  std::mt19937_64 random_;
  std::uniform_real_distribution<double> unit_;
  std::shared_ptr<const PolicyTables> tables_;
  RegionHealth health_;
  std::shared_ptr<const AnswerSets> answers_;
  std::vector<Edge> edges_;
  std::uint64_t builds_ = 0;
};

TEST(HealthSimulation, AnHourOfLostProbesMovesNoAnswer) {
  const auto began = std::chrono::steady_clock::now();
  Simulation world(7);
  world.round(kStart, 0, std::nullopt);
  for (TimePoint now = kStart + kInterval; now < kStart + std::chrono::hours(1); now += kInterval) {
    world.round(now, 0.1, std::nullopt);
    for (unsigned client = 0; client < 3; ++client) {
      const auto given = world.answer_for(client);
      ASSERT_EQ(given.region, static_cast<RegionId>(client));
      ASSERT_EQ(given.count, 2) << "both edges";
    }
  }
  EXPECT_GT(world.builds(), 10u) << "some rounds fail, and the TTL follows; no answer does";
  const auto took = std::chrono::steady_clock::now() - began;
  RecordProperty("milliseconds", static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
}

TEST(HealthSimulation, ADeadRegionMovesItsOwnClientsInTimeAndTheyComeBack) {
  Simulation world(8);
  world.round(kStart, 0, std::nullopt);
  TimePoint now = kStart;
  // Dead from just after a round on.
  const TimePoint dead = now;
  while (world.answer_for(1).region == RegionId{1}) {
    ASSERT_LE(now + kInterval + kTimeout - dead, seconds(7)) << "fall x interval + timeout";
    now += kInterval;
    world.round(now, 0, RegionId{1});
    EXPECT_EQ(world.answer_for(1).ttl, world.answer_for(1).region == RegionId{1} ? 10u : 60u);
  }
  EXPECT_EQ(world.answer_for(1).region, RegionId{2});
  EXPECT_EQ(world.answer_for(0).region, RegionId{0});
  EXPECT_EQ(world.answer_for(2).region, RegionId{2});
  for (int round = 0; round < 900; ++round) world.round(now += kInterval, 0.1, RegionId{1});
  EXPECT_EQ(world.answer_for(1).region, RegionId{2}) << "half an hour";
  world.round(now += kInterval, 0, std::nullopt);
  EXPECT_EQ(world.answer_for(1).ttl, 10u) << "about to come back";
  world.round(now += kInterval, 0, std::nullopt);
  EXPECT_EQ(world.answer_for(1), (Simulation::Given{RegionId{1}, 2, 60}));
}

}  // namespace
}  // namespace dns::health_simulation_test
