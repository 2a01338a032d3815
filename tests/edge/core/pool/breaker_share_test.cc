#include "edge/core/pool/breaker_share.h"

#include <gtest/gtest.h>

#include "tests/edge/core/pool_world.h"

namespace edge::breaker_share_test {
namespace {

using test::Algorithm;
using test::PoolWorld;

class OfTenServers : public testing::Test {
 protected:
  OfTenServers() {
    world_.pool.breaker.mode = shared::Mode::enforce;
    world_.pool.breaker.failures = 1;
    world_.pool.breaker.max_opened = 0.5;
  }
  // One failure makes it due.
  bool open(std::size_t index) {
    ServerLive& server = world_.server(index);
    const BreakerSettings& settings = world_.pool.breaker;
    const BreakerPermit permit = server.breaker.enter(settings, world_.now, server.state);
    (void)server.breaker.report(permit, BreakerOutcome::failure, settings, world_.now, 1, server.state);
    return open_breaker(world_.pool, world_.pool.servers[index], world_.live, world_.now, 1) != BreakerChange::none;
  }
  [[nodiscard]] std::uint64_t held() { return world_.live.pool(world_.pool.slot).breakers_held.load(); }

  PoolWorld world_{Algorithm::round_robin, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}};
};

TEST_F(OfTenServers, NoMoreThanTheShareOpens) {
  for (std::size_t i = 0; i < 5; ++i) EXPECT_TRUE(open(i)) << i;
  EXPECT_EQ(held(), 0U);
  EXPECT_FALSE(open(5)) << "half of the pool is out";
  EXPECT_FALSE(open(6));
  EXPECT_EQ(held(), 2U) << "each that would have opened is counted";
  BalanceState state;
  EXPECT_EQ(world_.shares(state, 500)[5], 100) << "the half that is left takes all";
}

TEST_F(OfTenServers, OneThatClosesMakesRoomForAnother) {
  for (std::size_t i = 0; i < 5; ++i) ASSERT_TRUE(open(i));
  ASSERT_FALSE(open(5));
  world_.server(0).breaker.forget();
  EXPECT_TRUE(open(5));
}

// Two thirds of three servers are two; of one, none.
TEST_F(OfTenServers, AShareIsRoundedDownSoThatOneIsLeft) {
  world_.pool.breaker.max_opened = 0.67;
  world_.pool.servers.resize(3);
  EXPECT_TRUE(open(0));
  EXPECT_TRUE(open(1));
  EXPECT_FALSE(open(2));
}

TEST_F(OfTenServers, TheOnlyServerOfAPoolStays) {
  world_.pool.servers.resize(1);
  EXPECT_FALSE(open(0));
  world_.pool.breaker.max_opened = 1;
  EXPECT_TRUE(open(0));
}

// While one worker opens, another does not wait for it, and does not open one too many either.
TEST_F(OfTenServers, WhoComesWhileAnotherIsAboutItDoesNotWait) {
  world_.live.pool(world_.pool.slot).opening_breaker = true;
  EXPECT_FALSE(open(0));
  EXPECT_EQ(held(), 0U);
  world_.live.pool(world_.pool.slot).opening_breaker = false;
  EXPECT_TRUE(open(0));
  EXPECT_FALSE(world_.live.pool(world_.pool.slot).opening_breaker.load()) << "the next may";
}

}  // namespace
}  // namespace edge::breaker_share_test
