#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

#include "edge/core/pool/balance.h"
#include "tests/edge/core/pool_world.h"

namespace edge::balance_algorithms_test {
namespace {

using shared::HealthState;
using shared::milliseconds;
using shared::seconds;
using test::Algorithm;
using test::fill;
using test::kAlgorithms;
using test::PoolWorld;

// Never one that is not allowed while one is, never none while one is, never one that was tried: whatever the state.
TEST(Pick, OnlyAllowedServersWhateverTheState) {
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    for (const Algorithm algorithm : kAlgorithms) {
      PoolWorld world(algorithm, {1, 3, 2, 1, 5});
      world.pool.slow_start = milliseconds(random() % 3 * 10000);
      bool any = false;
      std::array<bool, 5> allowed{};
      for (std::size_t i = 0; i < allowed.size(); ++i) {
        ServerLive& server = world.server(i);
        server.state.set_health(static_cast<HealthState>(random() % 4),
                                static_cast<std::uint32_t>(1 + random() % kFullShare));
        server.state.set_breaker(random() % 3 == 0 ? static_cast<BreakerState>(random() % 4) : BreakerState::closed);
        server.state.set_draining(random() % 4 == 0);
        server.state.set_ejected(random() % 4 == 0);
        server.state.set_slow_start(random() % 2 == 0 ? world.now : shared::TimePoint());
        server.in_flight = static_cast<std::uint32_t>(random() % 4);
        if (random() % 5 == 0) world.addresses.set(ServerId{static_cast<std::uint32_t>(i)}, {});
        if (random() % 5 == 0) world.tried.push_back(ServerId{static_cast<std::uint32_t>(i)});
        allowed[i] = usable(world.pool, world.pool.servers[i], world.context());
        any = any || allowed[i];
      }
      BalanceState state(static_cast<std::uint32_t>(random()));
      for (int i = 0; i < 30; ++i) {
        const int picked = world.pick_one(state, random());
        ASSERT_EQ(picked >= 0, any) << "algorithm " << static_cast<int>(algorithm);
        ASSERT_TRUE(!any || allowed[static_cast<std::size_t>(picked)]);
      }
    }
  }
}

TEST(Pick, PanicOverlooksWhatItIsToldTo) {
  for (const Algorithm algorithm : kAlgorithms) {
    PoolWorld world(algorithm, {1, 1});
    world.server(0).state.set_ejected(true);
    world.server(1).state.set_health(HealthState::down);
    BalanceState state;
    EXPECT_EQ(world.pick_one(state), -1);
    PickContext context = world.context();
    context.overlook = bit_of(Eligibility::ejected);
    shared::NullTrace trace;
    const Server* server = pick(world.pool, context, state, trace);
    ASSERT_NE(server, nullptr);
    EXPECT_EQ(server->name, "a0");
  }
}

TEST(Pick, SparesWaitUntilNobodyBeforeIsAllowed) {
  PoolWorld world(Algorithm::least_connections, {1, 1, 1});
  world.pool.selector = LeastConnections{make_compared({{ServerId{0}, 0, 1}, {ServerId{1}, 1, 1}})};
  world.pool.spares = {LeastConnections{make_compared({{ServerId{2}, 2, 1}})}};
  BalanceState state;
  EXPECT_EQ(world.shares(state, 10), (std::vector<int>{5, 5, 0}));
  world.server(0).state.set_health(HealthState::down);
  EXPECT_EQ(world.shares(state, 10), (std::vector<int>{0, 10, 0}));
  world.server(1).state.set_draining(true);
  EXPECT_EQ(world.shares(state, 10), (std::vector<int>{0, 0, 10}));
}

// A server at a quarter of its weight: 1/4 of what each of the two others gets.
TEST(Pick, ReducedSharesHoldInEveryAlgorithm) {
  struct Case {
    Algorithm algorithm;
    int expected;   // of 9,000 picks with nothing in flight
    int tolerance;  // luck of keys
  };
  // Of two that are idle the full one is better; least_connections compares all.
  for (const Case& c : {Case{Algorithm::round_robin, 1000, 5}, Case{Algorithm::hash, 1000, 150},
                        Case{Algorithm::random_two, 0, 0}, Case{Algorithm::least_connections, 0, 0}}) {
    PoolWorld world(c.algorithm, {1, 1, 1});
    world.server(1).state.set_health(HealthState::up, kFullShare / 4);
    BalanceState state(5);
    const std::vector<int> shares = world.shares(state, 9000);
    EXPECT_NEAR(shares[1], c.expected, c.tolerance) << "algorithm " << static_cast<int>(c.algorithm);
    if (c.algorithm != Algorithm::least_connections) {  // equals take turns there, and it has the turn of who is passed
      EXPECT_NEAR(shares[0], shares[2], 300);
    }
  }
  for (const Algorithm algorithm : {Algorithm::random_two, Algorithm::least_connections}) {
    PoolWorld world(algorithm, {1, 1, 1});
    world.server(1).state.set_health(HealthState::up, kFullShare / 4);
    fill(world, 1, 9000);
    EXPECT_NEAR(world.server(1).in_flight, 1000, 20) << "algorithm " << static_cast<int>(algorithm);
    EXPECT_NEAR(world.server(0).in_flight, 4000, 40);
  }
}

TEST(Pick, ASlowStartGrowsEvenly) {
  PoolWorld world(Algorithm::round_robin, {2, 1});
  world.pool.slow_start = seconds(16);
  world.server(0).state.set_slow_start(world.now);
  BalanceState state;
  std::vector<int> got;
  for (const int after : {0, 4, 8, 12, 16}) {
    const shared::TimePoint began = world.now;
    world.now += seconds(after);
    got.push_back(world.shares(state, 3000)[0]);
    world.now = began;
  }
  EXPECT_NEAR(got[0], 333, 20) << "a sixteenth of 2 beside 1";
  EXPECT_NEAR(got[1], 1000, 20) << "half of 1 beside 1";
  EXPECT_NEAR(got[2], 1500, 20);
  EXPECT_EQ(got[4], 2000);
  EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
}

// Of 8,000 picks each server gets its weight's part of those that are up, while one falls and comes back lighter.
TEST(Pick, SharesFollowWeightsInEveryAlgorithmWhileServersChange) {
  for (const Algorithm algorithm : kAlgorithms) {
    const bool exact = algorithm == Algorithm::round_robin || algorithm == Algorithm::least_connections ||
                       algorithm == Algorithm::least_time;
    const double tolerance = exact ? 12 : 160;  // luck of draws and of keys
    for (const unsigned workers : {1U, 2U}) {
      PoolWorld world(algorithm, {4, 2, 1, 1});
      for (std::size_t i = 0; i < 4; ++i) {
        world.server(i).response_time.observe(milliseconds(5), world.now, world.pool.response_time.half_life);
      }
      const auto expect = [&](const std::array<double, 4>& shares, const char* when) {
        fill(world, workers, static_cast<int>(8000 / workers));
        for (std::size_t i = 0; i < 4; ++i) {
          EXPECT_NEAR(world.server(i).in_flight.exchange(0), shares[i], tolerance)
              << "server " << i << " " << when << ", algorithm " << static_cast<int>(algorithm) << ", " << workers;
        }
      };
      expect({4000, 2000, 1000, 1000}, "while all are up");
      world.server(0).state.set_health(HealthState::down);
      expect({0, 4000, 2000, 2000}, "while the heaviest is down");
      world.server(0).state.set_health(HealthState::up, kFullShare / 4);
      world.server(3).state.set_draining(true);
      expect({2000, 4000, 2000, 0}, "while the heaviest is degraded and the last drains");
    }
  }
}

TEST(LeastConnections, FillsByWeightFromOneWorkerAndTwo) {
  for (const unsigned workers : {1U, 2U}) {
    PoolWorld world(Algorithm::least_connections, {3, 2, 1});
    fill(world, workers, static_cast<int>(6000 / workers));
    EXPECT_NEAR(world.server(0).in_flight, 3000, 2 * workers);
    EXPECT_NEAR(world.server(1).in_flight, 2000, 2 * workers);
    EXPECT_NEAR(world.server(2).in_flight, 1000, 2 * workers);
  }
}

TEST(LeastConnections, FollowsServersThatChange) {
  PoolWorld world(Algorithm::least_connections, {1, 1, 1});
  fill(world, 1, 300);
  world.server(0).in_flight = 0;  // it answered all at once
  fill(world, 1, 100);
  EXPECT_EQ(world.server(0).in_flight, 100U);
  world.server(1).state.set_health(HealthState::up, kFullShare / 2);
  world.server(1).in_flight = world.server(2).in_flight = world.server(0).in_flight = 0;
  fill(world, 1, 500);
  EXPECT_NEAR(world.server(1).in_flight, 100, 2) << "half of its weight";
}

TEST(LeastConnections, EqualsTakeTurns) {
  PoolWorld world(Algorithm::least_connections, {1, 1, 1});
  BalanceState state;
  EXPECT_EQ(world.shares(state, 300), (std::vector<int>{100, 100, 100}));
}

TEST(RandomTwo, KeepsLoadsTogetherFromOneWorkerAndTwo) {
  for (const unsigned workers : {1U, 2U}) {
    PoolWorld world(Algorithm::random_two, {4, 1, 1, 2});
    fill(world, workers, static_cast<int>(8000 / workers));
    EXPECT_NEAR(world.server(0).in_flight, 4000, 40);
    EXPECT_NEAR(world.server(1).in_flight, 1000, 40);
    EXPECT_NEAR(world.server(2).in_flight, 1000, 40);
    EXPECT_NEAR(world.server(3).in_flight, 2000, 40);
  }
}

TEST(RandomTwo, OfManyServersNoneIsFarAhead) {
  PoolWorld world(Algorithm::random_two, std::vector<std::uint16_t>(200, 1));
  fill(world, 1, 4000);
  std::uint32_t most = 0;
  for (std::size_t i = 0; i < 200; ++i) most = std::max(most, world.server(i).in_flight.load());
  EXPECT_LE(most, 24U) << "mean 20; one random choice would have some beyond 32";
}

TEST(RoundRobin, TwoWorkersShareByWeight) {
  PoolWorld world(Algorithm::round_robin, {5, 1, 2});
  fill(world, 2, 4000);
  EXPECT_NEAR(world.server(0).in_flight, 5000, 8);
  EXPECT_NEAR(world.server(1).in_flight, 1000, 8);
  EXPECT_NEAR(world.server(2).in_flight, 2000, 8);
}

// Orders of thousands of turns, in which a light server has one: it is found, and so is that nobody is there.
TEST(Pick, OneOfManyWeightedServersIsFoundInEveryAlgorithm) {
  std::vector<std::uint16_t> weights;
  for (std::uint16_t i = 0; i < 200; ++i) weights.push_back(static_cast<std::uint16_t>(i == 150 ? 1 : 30 + i % 7));
  for (const Algorithm algorithm : kAlgorithms) {
    PoolWorld world(algorithm, weights);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (i != 150) world.server(i).state.set_health(HealthState::down);
    }
    BalanceState state(3);
    for (std::uint64_t key = 0; key < 5; ++key) {
      EXPECT_EQ(world.pick_one(state, shared::mix(key)), 150) << "algorithm " << static_cast<int>(algorithm);
    }
    world.server(150).state.set_draining(true);
    EXPECT_EQ(world.pick_one(state), -1) << "algorithm " << static_cast<int>(algorithm);
  }
}

}  // namespace
}  // namespace edge::balance_algorithms_test
