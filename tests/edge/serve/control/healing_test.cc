#include "edge/serve/control/healing.h"

#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/os/log.h"
#include "tests/shared/serve/run_until.h"

namespace edge::healing_test {
namespace {

using shared::HealthState;
using shared::test::run_until;

// One pool of four servers, which a test makes ill.
class HealingTest : public ::testing::Test {
 protected:
  HealingTest() {
    live_.reserve(ServerId{kServers - 1});
    Pool pool;
    pool.name = "web";
    pool.panic = 0.5;
    pool.breaker.open = shared::milliseconds(10);
    auto addresses = std::make_shared<Addresses>();
    for (unsigned i = 0; i < kServers; ++i) {
      Server server;
      server.id = ServerId{i};
      server.name = "s" + std::to_string(i);
      addresses->set(server.id, {*shared::Endpoint::parse("127.0.0.1:9")});
      pool.servers.push_back(std::move(server));
      set(i, HealthState::up);
    }
    std::vector<Pool> pools;
    pools.push_back(std::move(pool));
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->settings = std::make_shared<const Settings>();
    snapshot->pools = std::make_shared<const Pools>(std::move(pools));
    snapshot->addresses = std::move(addresses);
    snapshot_ = std::move(snapshot);
  }

  void set(unsigned server, HealthState state) { live_.server(ServerId{server}).state.set_health(state); }
  [[nodiscard]] bool panic() const { return live_.pool(PoolSlot{0}).panic; }

  static constexpr unsigned kServers = 4;
  shared::LogCapture log_;
  shared::Loop loop_{shared::kOneThread};
  Live live_;
  std::shared_ptr<const Snapshot> snapshot_;
  Healing healing_{loop_, live_};
};

TEST_F(HealingTest, PanicBeginsAndEndsWithTheShareOfFitServers) {
  healing_.set(snapshot_);
  for (const unsigned i : {0U, 1U}) set(i, HealthState::down);
  shared::test::run_for(loop_, shared::milliseconds(250));
  EXPECT_FALSE(panic()) << "half of them is enough";
  set(2, HealthState::down);
  ASSERT_TRUE(run_until(loop_, [&] { return panic(); }));
  EXPECT_TRUE(log_.contains("event=pool_panic pool=web fit=1 servers=4"));
  set(0, HealthState::up);
  ASSERT_TRUE(run_until(loop_, [&] { return !panic(); }));
  EXPECT_TRUE(log_.contains("event=pool_calm pool=web fit=2 servers=4"));
}

TEST_F(HealingTest, SaysOnceThatChecksLeaveNobody) {
  healing_.set(snapshot_);
  for (unsigned i = 0; i < kServers; ++i) set(i, HealthState::down);
  ASSERT_TRUE(run_until(loop_, [&] { return log_.contains("event=pool_all_down pool=web"); }));
  healing_.set(snapshot_);  // a publication changes nothing
  shared::test::run_for(loop_, shared::milliseconds(250));
  int said = 0;
  for (const auto& line : log_.lines()) said += line.find("pool_all_down") != std::string::npos ? 1 : 0;
  EXPECT_EQ(said, 1);
  set(3, HealthState::up);
  ASSERT_TRUE(run_until(loop_, [&] { return log_.contains("event=pool_serves_again pool=web"); }));
}

TEST_F(HealingTest, ReckonsWhatABoundedPoolHasRoomFor) {
  auto snapshot = std::make_shared<Snapshot>(*snapshot_);
  std::vector<Pool> pools{snapshot->pools->all()[0]};
  pools[0].bounded = true;
  for (Server& server : pools[0].servers) server.max_in_flight = 10;
  pools[0].adaptive = {.mode = shared::Mode::enforce, .min = 35, .max = 35};
  snapshot->pools = std::make_shared<const Pools>(pools);
  healing_.set(snapshot);
  const PoolLive& live = live_.pool(PoolSlot{0});
  ASSERT_TRUE(run_until(loop_, [&] { return live.capacity == 35U; })) << "by the limit that it was given";
  set(0, HealthState::down);
  ASSERT_TRUE(run_until(loop_, [&] { return live.capacity == 30U; })) << "by the servers that are left";
  pools[0].adaptive = {};
  pools[0].bounded = false;
  snapshot = std::make_shared<Snapshot>(*snapshot);
  snapshot->pools = std::make_shared<const Pools>(pools);
  healing_.set(snapshot);
  ASSERT_TRUE(run_until(loop_, [&] { return live.capacity == 0U && live.limit == 0U; }))
      << "a reload took the bounds away";
}

}  // namespace
}  // namespace edge::healing_test
