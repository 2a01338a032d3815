#include "edge/core/pool/least.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <queue>
#include <random>
#include <utility>
#include <vector>

#include "tests/edge/core/pool_world.h"

namespace edge::least_test {
namespace {

using shared::HealthState;
using shared::milliseconds;
using shared::seconds;
using test::Algorithm;
using test::fill;
using test::PoolWorld;

constexpr std::size_t kBig = 1000;  // servers of a pool that is not looked at as a whole

TEST(IndexOfLeast, IsTheFirstOfTheLeast) {
  EXPECT_EQ(index_of_least(std::array{2.0}), 0U);
  EXPECT_EQ(index_of_least(std::array{2.0, 1.0, 3.0, 1.0}), 1U);
  EXPECT_EQ(index_of_least(std::array{kNever, 5e300, 1e-300, 0.0, 0.0}), 3U);
  EXPECT_EQ(index_of_least(std::array{kNever, kNever}), 0U);
}

// a/v < b/w as aw < bv, in numbers that hold the products.
bool less(const PoolWorld& world, const Server& a, const Server& b) {
  const auto requests = [&](const Server& of) { return std::uint64_t{world.live.server(of.id).in_flight} + 1; };
  const auto weight = [&](const Server& of) {
    return std::uint64_t{of.weight} *
           standing_of(world.live.server(of.id).state, world.pool.slow_start, world.now).share;
  };
  return requests(a) * weight(b) < requests(b) * weight(a);
}

// Against integers: counts near each other, great ones, great weights, every state.
TEST(LeastConnections, IsExactUpToItsBound) {
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::uint16_t> weights(1 + random() % Compared::kAll);
    for (auto& weight : weights) weight = static_cast<std::uint16_t>(1 + random() % kMaxWeight);
    PoolWorld world(Algorithm::least_connections, weights);
    world.pool.slow_start = seconds(10);
    const std::uint32_t base = random() % 2 == 0 ? random() % 8 : 0xFFFFFFFFU - random() % 70000;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      ServerLive& server = world.server(i);
      server.in_flight = base - base / 256 * (256U - weights[i]) + random() % 3;
      if (random() % 4 == 0) server.state.set_health(HealthState::up, 1 + random() % kFullShare);
      if (random() % 8 == 0) server.state.set_slow_start(world.now - milliseconds(random() % 10000));
      if (random() % 8 == 0) server.state.set_ejected(true);
      if (random() % 8 == 0) world.addresses.set(ServerId{static_cast<std::uint32_t>(i)}, {});
      if (random() % 8 == 0) world.tried.push_back(ServerId{static_cast<std::uint32_t>(i)});
    }
    BalanceState state(static_cast<std::uint32_t>(random()));
    const int picked = world.pick_one(state);
    for (const Server& other : world.pool.servers) {
      if (!usable(world.pool, other, world.context())) continue;
      ASSERT_GE(picked, 0);
      ASSERT_FALSE(less(world, other, world.pool.servers[static_cast<std::size_t>(picked)])) << "round " << round;
    }
  }
}

std::vector<std::uint16_t> mixed_weights() {
  std::vector<std::uint16_t> weights(kBig, 1);
  for (std::size_t i = 0; i < kBig; i += 10) weights[i] = 20;
  return weights;
}

void measured(PoolWorld& world, milliseconds took) {
  for (std::size_t i = 0; i < world.pool.servers.size(); ++i) {
    world.server(i).response_time.observe(took, world.now, world.pool.response_time.half_life);
  }
}

struct Case {
  Algorithm algorithm;
  unsigned workers;
};

class BigPool : public ::testing::TestWithParam<Case> {};

TEST_P(BigPool, FillsEvenly) {
  PoolWorld world(GetParam().algorithm, std::vector<std::uint16_t>(kBig, 1));
  measured(world, milliseconds(5));
  fill(world, GetParam().workers, static_cast<int>(20 * kBig / GetParam().workers));
  for (std::size_t i = 0; i < kBig; ++i) ASSERT_NEAR(world.server(i).in_flight, 20, 3) << i;
}

TEST_P(BigPool, FillsByWeightAndShare) {
  PoolWorld world(GetParam().algorithm, mixed_weights());
  measured(world, milliseconds(5));
  world.pool.slow_start = seconds(16);
  world.server(10).state.set_health(HealthState::up, kFullShare / 4);
  world.server(20).state.set_slow_start(world.now - seconds(8));
  fill(world, GetParam().workers, static_cast<int>(10 * (100 * 20 + 900) / GetParam().workers));
  for (std::size_t i = 0; i < kBig; ++i) {
    const int share = i == 10 ? 50 : i == 20 ? 100 : i % 10 == 0 ? 200 : 10;
    ASSERT_NEAR(world.server(i).in_flight, share, 3 + share / 10) << i;
  }
}

// Idle among a thousand that are busy: once seen it is not let go before it has as much.
TEST_P(BigPool, WhoComesUpIdleCatchesUp) {
  PoolWorld world(GetParam().algorithm, std::vector<std::uint16_t>(kBig, 1));
  measured(world, milliseconds(5));
  for (std::size_t i = 0; i < kBig; ++i) world.server(i).in_flight = i == 700 ? 0 : 50;
  fill(world, GetParam().workers, static_cast<int>(1500 / GetParam().workers));
  EXPECT_GE(world.server(700).in_flight, 50U) << "drawn once in 125 looks, by 8 of 1,000";
}

TEST_P(BigPool, OneThatIsAllowedIsFound) {
  PoolWorld world(GetParam().algorithm, mixed_weights());
  for (std::size_t i = 0; i < kBig; ++i) world.server(i).state.set_draining(i != 333 && i != 340);
  BalanceState state(9);
  for (int i = 0; i < 50; ++i) {
    const int picked = world.pick_one(state);
    ASSERT_TRUE(picked == 333 || picked == 340) << picked;
  }
  world.tried = {ServerId{333}};
  EXPECT_EQ(world.pick_one(state), 340);
  world.addresses.set(ServerId{340}, {});
  EXPECT_EQ(world.pick_one(state), -1);
}

TEST_P(BigPool, WhatIsRememberedMayBeGoneOrForbidden) {
  PoolWorld world(GetParam().algorithm, std::vector<std::uint16_t>(kBig, 1));
  measured(world, milliseconds(5));
  BalanceState state;
  for (std::size_t i = 0; i < kBig; ++i) world.server(i).in_flight = i == 999 ? 0 : 9;
  while (world.pick_one(state) != 999) {
  }
  EXPECT_EQ(world.pick_one(state), 999) << "remembered";
  world.server(999).state.set_ejected(true);
  for (int i = 0; i < 300; ++i) ASSERT_NE(world.pick_one(state), 999);
  PoolWorld smaller(GetParam().algorithm, std::vector<std::uint16_t>(40, 1));
  for (int i = 0; i < 300; ++i) ASSERT_LT(smaller.pick_one(state), 40);
}

// Servers that work off one request at a time, in an exponential time of mean 1; requests come at random, so many that
// the servers are busy nine tenths of the time, and two workers take them in turn. The mean stay of a request.
double stay_at(PoolWorld& world, int requests) {
  std::mt19937_64 random(5);
  const auto after = [&random](double rate) { return std::exponential_distribution<double>(rate)(random); };
  const auto count = world.pool.servers.size();
  std::vector<std::queue<double>> waiting(count);  // when they came
  using End = std::pair<double, std::size_t>;
  std::priority_queue<End, std::vector<End>, std::greater<>> ends;
  std::array<BalanceState, 2> states{BalanceState(0), BalanceState(7919)};
  double now = 0;
  double stays = 0;
  int counted = 0;
  for (int i = 0; i < requests; ++i) {
    now += after(0.9 * static_cast<double>(count));
    for (; !ends.empty() && ends.top().first <= now; ends.pop()) {
      const auto [end, at] = ends.top();
      if (i > requests / 2) stays += end - waiting[at].front(), ++counted;
      waiting[at].pop();
      --world.server(at).in_flight;
      if (!waiting[at].empty()) ends.push({end + after(1), at});
    }
    const auto at = static_cast<std::size_t>(world.pick_one(states[random() % 2]));
    ++world.server(at).in_flight;
    waiting[at].push(now);
    if (waiting[at].size() == 1) ends.push({now + after(1), at});
  }
  return stays / counted;
}

TEST(LeastConnections, ASampleWithMemoryIsNearToLookingAtAll) {
  const auto stay = [](Algorithm algorithm, std::size_t servers) {
    PoolWorld world(algorithm, std::vector<std::uint16_t>(servers, 1));
    return stay_at(world, 30000);
  };
  const double sampled = stay(Algorithm::least_connections, kBig);
  EXPECT_LT(sampled, 1.5) << "with all looked at it is 1.0";
  EXPECT_GT(stay(Algorithm::random_two, kBig), sampled * 1.5);
}

INSTANTIATE_TEST_SUITE_P(AlgorithmsAndWorkers, BigPool,
                         ::testing::Values(Case{Algorithm::least_connections, 1}, Case{Algorithm::least_connections, 2},
                                           Case{Algorithm::least_time, 1}, Case{Algorithm::least_time, 2}));

}  // namespace
}  // namespace edge::least_test
