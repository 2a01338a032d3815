#include "edge/core/pool/places.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/edge/core/pool_world.h"

namespace edge::test::places_test {
namespace {

struct World : PoolWorld {
  explicit World(std::uint32_t each, std::size_t servers = 2)
      : PoolWorld(Algorithm::least_connections, std::vector<std::uint16_t>(servers, 1)) {
    pool.bounded = true;
    for (Server& one : pool.servers) one.max_in_flight = each;
  }
  PoolLive& of_pool() { return live.pool(pool.slot); }
  Capacity capacity() { return capacity_of(pool, addresses, live, now); }
};

TEST(Places, AreTakenUpToTheBoundAndGivenBack) {
  World world(2, 1);
  EXPECT_TRUE(take_place(world.pool, world.pool.servers[0], world.live));
  EXPECT_TRUE(take_place(world.pool, world.pool.servers[0], world.live));
  EXPECT_FALSE(take_place(world.pool, world.pool.servers[0], world.live));
  EXPECT_EQ(world.server(0).in_flight, 2U);
  EXPECT_EQ(world.of_pool().in_flight, 2U) << "who got none is not counted";
  const std::uint32_t releases = world.of_pool().releases;
  give_place_back(world.pool, world.pool.servers[0], world.live);
  EXPECT_EQ(world.of_pool().releases, releases + 1);
  EXPECT_TRUE(take_place(world.pool, world.pool.servers[0], world.live));
}

TEST(Places, AreExactOverWorkers) {
  World world(50, 1);
  std::atomic<int> taken{0};
  ::test::at_once(8, [&](unsigned) {
    for (int i = 0; i < 1000; ++i) {
      if (!take_place(world.pool, world.pool.servers[0], world.live)) continue;
      taken.fetch_add(1);
      EXPECT_LE(world.server(0).in_flight.load(), 50U);
      if (i % 3 != 0) {
        taken.fetch_sub(1);
        give_place_back(world.pool, world.pool.servers[0], world.live);
      }
    }
  });
  EXPECT_EQ(world.server(0).in_flight, static_cast<std::uint32_t>(taken.load()));
  EXPECT_EQ(world.server(0).in_flight, 50U);
}

TEST(Places, AFullServerIsNotPickedByAnyAlgorithm) {
  for (const Algorithm algorithm : kAlgorithms) {
    PoolWorld world(algorithm, {1, 1, 1});
    world.pool.bounded = true;
    for (Server& one : world.pool.servers) one.max_in_flight = 1;
    world.server(1).in_flight = 1;
    BalanceState state;
    const auto shares = world.shares(state, 300);
    EXPECT_EQ(shares[1], 0) << static_cast<int>(algorithm);
    EXPECT_EQ(shares[0] + shares[2], 300);
    EXPECT_FALSE(any_full(world.pool, world.context()) && world.pick_one(state) < 0);
    world.server(0).in_flight = world.server(2).in_flight = 1;
    EXPECT_EQ(world.pick_one(state), -1);
    EXPECT_TRUE(any_full(world.pool, world.context()));
  }
}

TEST(Places, AFullServerGivesUpItsSessions) {
  World world(1);
  world.server(1).in_flight = 1;
  BalanceState state;
  shared::RecordingTrace trace;
  PickContext context = world.context();
  context.session = 1;
  EXPECT_EQ(pick(world.pool, context, state, trace)->name, "a0");
  EXPECT_EQ(trace.lines().front().text, "a1: full");
}

TEST(Places, OnlyWhoIsBusyAndWellIsFull) {
  World world(1);
  world.server(0).in_flight = 1;
  EXPECT_TRUE(any_full(world.pool, world.context()));
  world.server(0).state.set_health(shared::HealthState::down);
  EXPECT_FALSE(any_full(world.pool, world.context()));
}

TEST(Places, ThePoolsOwnLimitCountsToo) {
  World world(10);
  world.pool.adaptive.mode = shared::Mode::enforce;
  EXPECT_FALSE(is_full(world.pool, world.of_pool())) << "as long as none is known";
  world.of_pool().limit = 1;
  EXPECT_TRUE(take_place(world.pool, world.pool.servers[0], world.live));
  EXPECT_TRUE(is_full(world.pool, world.of_pool()));
  EXPECT_FALSE(take_place(world.pool, world.pool.servers[1], world.live));
  EXPECT_EQ(world.server(1).in_flight, 0U);
  world.pool.adaptive.mode = shared::Mode::shadow;
  EXPECT_TRUE(take_place(world.pool, world.pool.servers[1], world.live)) << "in shadow it only looks on";
}

TEST(Places, CapacityIsThatOfServersThatAreWell) {
  World world(10, 3);
  EXPECT_EQ(world.capacity().places, 30U);
  EXPECT_EQ(world.capacity().by, "max_in_flight");
  world.server(0).state.set_health(shared::HealthState::down);
  world.server(1).state.set_draining(true);
  EXPECT_EQ(world.capacity().places, 10U);
  world.of_pool().in_flight = 5;
  EXPECT_DOUBLE_EQ(world.capacity().in_use(), 0.5);
  world.pool.adaptive.mode = shared::Mode::enforce;
  world.of_pool().limit = 8;
  EXPECT_EQ(world.capacity().places, 8U);
  EXPECT_EQ(world.capacity().by, "adaptive");
  world.of_pool().limit = 80;
  EXPECT_EQ(world.capacity().places, 10U);
  world.pool.servers[2].max_in_flight = 0;
  EXPECT_EQ(world.capacity().places, 80U) << "one that is not bounded takes all that the pool may";
}

TEST(Places, TheFullestPoolSpeaksForTheRegion) {
  World world(10);
  std::vector<Pool> pools(3);
  for (std::uint32_t i = 0; i < 3; ++i) {
    pools[i].id = pools[i].effective = PoolId{i};
    pools[i].slot = PoolSlot{i};
    pools[i].name = "p" + std::to_string(i);
  }
  EXPECT_EQ(fullest_of(Pools(pools), world.addresses, world.live, world.now).pool, nullptr);
  for (const std::size_t i : {1UL, 2UL}) {
    pools[i].bounded = true;
    pools[i].servers = {world.pool.servers[i - 1]};
  }
  world.live.pool(PoolSlot{1}).in_flight = 3;
  world.live.pool(PoolSlot{2}).in_flight = 7;
  const Pools all(pools);
  const FullestPool fullest = fullest_of(all, world.addresses, world.live, world.now);
  ASSERT_NE(fullest.pool, nullptr);
  EXPECT_EQ(fullest.pool->name, "p2");
  EXPECT_DOUBLE_EQ(fullest.capacity.in_use(), 0.7);
}

}  // namespace
}  // namespace edge::test::places_test
