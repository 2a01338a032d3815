#include "edge/core/decide/next_server.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/edge/core/pool_world.h"

namespace edge::test {
namespace {

using shared::HealthState;
using Kind = BreakerPermit::Kind;

struct World : PoolWorld {
  BalanceState balance;
  PoolRequest request;
  shared::NullTrace trace;

  explicit World(const std::vector<std::uint16_t>& weights) : PoolWorld(Algorithm::round_robin, weights) {
    request.pool = &pool;
  }
  PickedServer next(LastResort last_resort = LastResort::allowed) {
    const PickMoment moment{.addresses = addresses, .now = now, .last_resort = last_resort};
    return next_server(request, moment, live, balance, trace);
  }
  std::string name(LastResort last_resort = LastResort::allowed) {
    const PickedServer picked = next(last_resort);
    return picked.server == nullptr ? "-" : picked.server->name;
  }
  std::string names(int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += name();
    return all;
  }
  void all_down() {
    for (std::size_t i = 0; i < pool.servers.size(); ++i) server(i).state.set_health(HealthState::down);
  }
  void open(std::size_t index) {
    pool.breaker = {.mode = shared::Mode::enforce, .failures = 1};
    ServerLive& at = server(index);
    at.breaker.leave({}, BreakerOutcome::failure, pool.breaker, now, 1, at.state);
    ASSERT_EQ(at.state.breaker(), BreakerState::open);
  }
};

TEST(NextServer, EachOnceAndThenNobody) {
  World world({1, 1, 1});
  EXPECT_EQ(world.names(4), "a0a1a2-");
}

TEST(NextServer, WhoIsDownIsTheLastResort) {
  World world({1, 1});
  world.all_down();
  EXPECT_EQ(world.name(LastResort::refused), "-");
  EXPECT_FALSE(world.request.last_resort);
  EXPECT_EQ(world.name(), "a0");
  EXPECT_TRUE(world.request.last_resort);
  EXPECT_EQ(world.name(LastResort::refused), "a1") << "once there, the others are tried too";
  World strict({1, 1});
  strict.pool.when_all_down = WhenAllDown::refuse;
  strict.all_down();
  EXPECT_EQ(strict.name(), "-");
}

TEST(NextServer, PanicOverlooksChecksAndBreakersButNoDrain) {
  World world({1, 1, 1});
  world.open(0);
  world.server(1).state.set_health(HealthState::down);
  world.server(2).state.set_draining(true);
  world.live.pool(world.pool.slot).panic = true;
  const PickedServer first = world.next();
  ASSERT_EQ(first.server->name, "a0");
  EXPECT_EQ(first.permit.kind, Kind::bypassed);
  EXPECT_EQ(world.names(2), "a1-");
  EXPECT_FALSE(world.request.last_resort) << "nobody is looked for beyond a panic";
}

TEST(NextServer, AProbeIsTakenAndTheNextRequestGoesElsewhere) {
  World world({1, 1});
  world.open(0);
  world.now += shared::seconds(60);
  world.server(0).breaker.tick(world.pool.breaker, world.now, world.server(0).state);
  const PickedServer probe = world.next();
  ASSERT_EQ(probe.server->name, "a0");
  EXPECT_EQ(probe.permit.kind, Kind::probe);
  world.request = {};
  world.request.pool = &world.pool;
  world.server(0).state.set_breaker(BreakerState::half_open);  // as a worker sees it that looked before the probe left
  world.balance.cursor(world.pool.id).position = 0;
  EXPECT_EQ(world.name(), "a1");
  EXPECT_EQ(world.request.tried_count, 2U) << "the one that said no is not asked again";
}

TEST(NextServer, OverAConstLiveNothingIsTaken) {
  World world({1, 1});
  world.open(0);
  world.now += shared::seconds(60);
  world.server(0).breaker.tick(world.pool.breaker, world.now, world.server(0).state);
  const std::uint64_t before = world.server(0).breaker.word();
  const Live& seen = world.live;
  shared::RecordingTrace trace;
  const PickMoment moment{.addresses = world.addresses, .now = world.now};
  const PickedServer picked = next_server(world.request, moment, seen, world.balance, trace);
  ASSERT_EQ(picked.server->name, "a0");
  EXPECT_EQ(picked.permit.kind, Kind::probe);
  EXPECT_EQ(world.server(0).breaker.word(), before);
}

TEST(NextServer, ASessionGoesOnAtItsServer) {
  World world({1, 1, 1});
  world.request.session = 2;
  EXPECT_EQ(world.name(), "a2");
  EXPECT_EQ(world.name(), "a0") << "after a failure elsewhere";
}

}  // namespace
}  // namespace edge::test
