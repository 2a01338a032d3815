#include "edge/core/pool/balance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "edge/core/snapshot/region_health.h"

namespace edge {
namespace {

std::string letters(const std::vector<std::uint16_t>& weights) {
  std::string out;
  for (const std::uint16_t index : make_sequence(weights).order) out.push_back(static_cast<char>('a' + index));
  return out;
}

TEST(Sequence, SpreadsWeights) {
  EXPECT_EQ(letters({5, 1, 1}), "aabacaa");
  EXPECT_EQ(letters({1, 1, 1}), "abc");
  EXPECT_EQ(letters({4, 4}), "ab") << "divided by what all share";
  EXPECT_EQ(letters({3, 2, 1}), "abacba") << "no server twice in a row more often than need be";
  EXPECT_EQ(letters({}), "");
}

TEST(Sequence, HoldsExactProportions) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::uint16_t> weights(1 + random() % 8);
    for (auto& weight : weights) weight = static_cast<std::uint16_t>(1 + random() % 256);
    const Sequence sequence = make_sequence(weights);
    std::map<std::uint16_t, std::size_t> counts;
    for (const std::uint16_t index : sequence.order) ++counts[index];
    for (std::size_t i = 0; i < weights.size(); ++i) {
      EXPECT_EQ(counts[static_cast<std::uint16_t>(i)] * weights[0], counts[0] * weights[i]);
    }
  }
}

// A pool of servers a, b, c ... with ids 0, 1, 2 ..., each with an address.
struct World {
  Pool pool;
  Addresses addresses;
  Live live;
  BalanceState state;
  std::vector<ServerId> tried;

  explicit World(const std::vector<std::uint16_t>& weights) {
    for (std::uint16_t i = 0; i < weights.size(); ++i) {
      const std::string name(1, static_cast<char>('a' + i));
      pool.servers.push_back({name, "127.0.0.1", 80, weights[i], ServerId{i}});
      addresses.set(ServerId{i}, {shared::Endpoint{shared::IpAddress::v4(0x7F000001), 80}});
    }
    pool.selector = make_sequence(weights);
    live.reserve(ServerId{static_cast<std::uint32_t>(weights.size())});
  }
  void set(char name, shared::HealthState state_of) {
    live.server(ServerId{static_cast<std::uint32_t>(name - 'a')}).state.set_health(state_of);
  }
  std::string picks(int n) {
    std::string out;
    shared::NullTrace trace;
    for (int i = 0; i < n; ++i) {
      const Server* server = pick(pool, {live, addresses, tried}, state, trace);
      out += server == nullptr ? "-" : server->name;
    }
    return out;
  }
};

TEST(Pick, GoesRound) {
  World world({1, 1, 1});
  EXPECT_EQ(world.picks(7), "abcabca");
}

TEST(Pick, WhoIsDownIsSkippedAndTheOthersStayEven) {
  World world({1, 1, 1});
  world.set('b', shared::HealthState::down);
  EXPECT_EQ(world.picks(6), "acacac");
  world.set('b', shared::HealthState::up);
  EXPECT_EQ(world.picks(3), "abc");
}

TEST(Pick, WeightsHoldWithoutTheOneThatIsDown) {
  World world({3, 2, 1});
  world.set('c', shared::HealthState::down);
  const std::string picks = world.picks(500);
  EXPECT_EQ(std::count(picks.begin(), picks.end(), 'a'), 300);
  EXPECT_EQ(std::count(picks.begin(), picks.end(), 'b'), 200);
}

TEST(Pick, UnknownIsTriedAndNoAddressIsNot) {
  World world({1, 1});
  world.addresses.set(ServerId{1}, {});
  EXPECT_EQ(world.picks(2), "aa");
  world.set('a', shared::HealthState::down);
  EXPECT_EQ(world.picks(1), "-");
}

TEST(Pick, NotTheSameTwiceForOneRequest) {
  World world({3, 1});
  world.tried = {ServerId{0}};
  EXPECT_EQ(world.picks(2), "bb");
  world.tried = {ServerId{0}, ServerId{1}};
  EXPECT_EQ(world.picks(1), "-");
}

TEST(Pick, AnEmptyPoolHasNone) {
  World world({});
  EXPECT_EQ(world.picks(1), "-");
}

TEST(Pick, WorkersStartApartAndShorterOrdersWrap) {
  World world({1, 1, 1});
  world.state = BalanceState(1000001);
  EXPECT_EQ(world.picks(3).size(), 3u);
  world.pool.selector = make_sequence(std::vector<std::uint16_t>{1});
  EXPECT_EQ(world.picks(2), "aa");
}

TEST(Pick, TraceNamesTheSkipped) {
  World world({1, 1});
  world.set('a', shared::HealthState::down);
  shared::RecordingTrace trace;
  ASSERT_NE(pick(world.pool, {world.live, world.addresses}, world.state, trace), nullptr);
  ASSERT_EQ(trace.lines().size(), 2u);
  EXPECT_EQ(trace.lines()[0].text, "a: down");
  EXPECT_EQ(trace.lines()[1].text, "b");
}

TEST(Live, CellsStay) {
  const ServerId first{0};
  Live live;
  live.reserve(ServerId{3});
  ServerLive* cell = &live.server(first);
  cell->requests = 7;
  live.reserve(ServerId{Live::kChunk + 1});
  EXPECT_EQ(&live.server(first), cell);
  EXPECT_EQ(live.server(ServerId{Live::kChunk + 1}).requests.load(), 0u);
}

// Two pools of one server each, ids 0 and 1.
struct Region {
  Snapshot snapshot;
  Live live;

  explicit Region(bool critical, bool checked = true, bool first_stands_for_second = false) {
    std::vector<Pool> pools(2);
    auto addresses = std::make_shared<Addresses>();
    for (std::uint32_t i = 0; i < 2; ++i) {
      pools[i].id = pools[i].effective = PoolId{i};
      pools[i].name = i == 0 ? "web" : "api";
      pools[i].checks.resize(checked ? 1 : 0);
      pools[i].servers.push_back({"s", "127.0.0.1", 80, 1, ServerId{i}});
      addresses->set(ServerId{i}, {shared::Endpoint{shared::IpAddress::v4(0x7F000001), 80}});
    }
    pools[0].critical = critical;
    if (first_stands_for_second) pools[1].effective = PoolId{0};
    snapshot.pools = std::make_shared<const Pools>(std::move(pools));
    snapshot.addresses = addresses;
    live.reserve(ServerId{2});
  }
  void set(std::uint32_t server, shared::HealthState state) { live.server(ServerId{server}).state.set_health(state); }
  RegionHealth::Reason reason() { return regional_health(snapshot, live).reason; }
};

using Reason = RegionHealth::Reason;
using shared::HealthState;

TEST(RegionHealth, CriticalPoolDecides) {
  Region region(true);
  EXPECT_EQ(region.reason(), Reason::critical_pool) << "nothing is known to be up yet";
  region.set(0, HealthState::up);
  EXPECT_EQ(region.reason(), Reason::up);
  region.set(0, HealthState::down);
  region.set(1, HealthState::up);
  EXPECT_EQ(region.reason(), Reason::critical_pool);
  EXPECT_EQ(regional_health(region.snapshot, region.live).pool, "web");
}

TEST(RegionHealth, WithoutACriticalPoolAllMustBeDown) {
  Region region(false);
  EXPECT_EQ(region.reason(), Reason::all_pools);
  region.set(1, HealthState::up);
  EXPECT_EQ(region.reason(), Reason::up);
  region.set(1, HealthState::down);
  EXPECT_EQ(region.reason(), Reason::all_pools);
}

TEST(RegionHealth, UncheckedServersCountByTheirAddress) {
  Region region(true, false);
  EXPECT_EQ(region.reason(), Reason::up);
}

TEST(RegionHealth, DrainingIsDown) {
  Region region(true, false);
  region.live.draining = true;
  EXPECT_EQ(region.reason(), Reason::draining);
  EXPECT_FALSE(regional_health(region.snapshot, region.live).up());
}

TEST(RegionHealth, AStandInCountsForThePoolItStandsFor) {
  const auto of_critical_api = [](std::uint32_t server_that_is_up) {
    Region region(false, true, true);
    const auto all = region.snapshot.pools->all();
    std::vector<Pool> pools(all.begin(), all.end());
    pools[1].critical = true;
    region.snapshot.pools = std::make_shared<const Pools>(std::move(pools));
    region.set(0, HealthState::down);
    region.set(1, HealthState::down);
    region.set(server_that_is_up, HealthState::up);
    const RegionHealth health = regional_health(region.snapshot, region.live);
    return std::pair(health.reason, std::string(health.pool));
  };
  EXPECT_EQ(of_critical_api(0).first, Reason::up) << "web stands for api, and is well";
  EXPECT_EQ(of_critical_api(1).first, Reason::critical_pool) << "nobody asks api's own servers";
  EXPECT_EQ(of_critical_api(1).second, "api");
}

TEST(RegionHealth, AnEdgeWithoutPoolsIsUp) {
  Snapshot snapshot;
  snapshot.pools = std::make_shared<const Pools>();
  snapshot.addresses = std::make_shared<const Addresses>();
  Live live;
  EXPECT_TRUE(regional_health(snapshot, live).up());
}

}  // namespace
}  // namespace edge
