#include "edge/core/snapshot/region_health.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace edge::region_health_test {
namespace {

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
}  // namespace edge::region_health_test
