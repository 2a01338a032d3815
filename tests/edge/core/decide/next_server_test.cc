#include "edge/core/decide/next_server.h"

#include <gtest/gtest.h>

#include <string>

#include "edge/core/pool/places.h"
#include "tests/edge/core/pool_world.h"

namespace edge::test::next_server_test {
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

// Places for one request at each server.
struct BoundedWorld : World {
  explicit BoundedWorld(std::size_t servers = 2) : World(std::vector<std::uint16_t>(servers, 1)) {
    pool.bounded = true;
    for (Server& one : pool.servers) one.max_in_flight = 1;
  }
  PickedServer anew(Turn turn = Turn::waits) {
    request = {};
    request.pool = &pool;
    const PickMoment moment{.addresses = addresses, .now = now, .turn = turn};
    return next_server(request, moment, live, balance, trace);
  }
};

TEST(NextServer, TakesAPlaceWithEachServer) {
  BoundedWorld world;
  const PickedServer first = world.anew();
  ASSERT_EQ(first.server->name, "a0");
  EXPECT_TRUE(first.permit.has_place);
  EXPECT_EQ(world.server(0).in_flight, 1U);
  EXPECT_EQ(world.anew().server->name, "a1");
  EXPECT_EQ(world.anew().server, nullptr);
  EXPECT_EQ(world.request.overload, Overload::full);
  EXPECT_EQ(why_no_server(world.request), "all servers of the pool are full");
  give_place_back(world.pool, world.pool.servers[1], world.live);
  EXPECT_EQ(world.anew().server->name, "a1");
  EXPECT_EQ(world.request.overload, Overload::none);
}

TEST(NextServer, WhoIsDownIsNoHelpForWhoIsBusy) {
  BoundedWorld world;
  world.server(1).state.set_health(HealthState::down);
  EXPECT_EQ(world.anew().server->name, "a0");
  EXPECT_EQ(world.anew().server, nullptr);
  EXPECT_EQ(world.request.overload, Overload::full);
  EXPECT_FALSE(world.request.last_resort);
  world.server(0).state.set_health(HealthState::down);
  EXPECT_EQ(world.anew().server->name, "a1") << "where nobody is well, they are tried all the same";
  EXPECT_TRUE(world.request.last_resort);
}

TEST(NextServer, GivesThePlaceBackWhereTheBreakerSaysNo) {
  BoundedWorld world(1);
  world.open(0);
  world.server(0).state.set_breaker(BreakerState::half_open);  // as a worker sees it that looked before the last probe
  world.balance.cursor(world.pool.id).position = 0;
  EXPECT_EQ(world.anew().server, nullptr);
  EXPECT_EQ(world.request.overload, Overload::none) << "that is no lack of places";
  EXPECT_EQ(world.server(0).in_flight, 0U);
  EXPECT_EQ(world.live.pool(world.pool.slot).in_flight, 0U);
}

TEST(NextServer, NewcomersGoBehindThoseWhoWait) {
  BoundedWorld world;
  world.live.pool(world.pool.slot).waiting = 1;
  EXPECT_EQ(world.anew().server, nullptr);
  EXPECT_EQ(world.request.overload, Overload::full);
  EXPECT_EQ(world.anew(Turn::has_come).server->name, "a0");
  EXPECT_EQ(world.names(1), "a1") << "one that has failed there already goes on at once";
}

TEST(NextServer, TheAdaptiveLimitIsThePools) {
  BoundedWorld world;
  world.pool.adaptive.mode = shared::Mode::enforce;
  world.live.pool(world.pool.slot).limit = 1;
  EXPECT_EQ(world.anew().server->name, "a0");
  EXPECT_EQ(world.anew().server, nullptr);
  EXPECT_EQ(world.request.overload, Overload::full);
}

TEST(NextServer, ForeseesPlacesWithoutTakingThem) {
  BoundedWorld world(1);
  const Live& seen = world.live;
  shared::RecordingTrace recording;
  const PickMoment moment{.addresses = world.addresses, .now = world.now};
  EXPECT_EQ(next_server(world.request, moment, seen, world.balance, recording).server->name, "a0");
  EXPECT_EQ(world.server(0).in_flight, 0U);
  world.server(0).in_flight = 1;
  world.request = {};
  world.request.pool = &world.pool;
  EXPECT_EQ(next_server(world.request, moment, seen, world.balance, recording).server, nullptr);
  EXPECT_EQ(world.request.overload, Overload::full);
  EXPECT_EQ(recording.lines().back().text, "a0: full");
}

}  // namespace
}  // namespace edge::test::next_server_test
