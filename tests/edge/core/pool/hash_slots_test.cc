#include "edge/core/pool/hash_slots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/edge/core/pool_world.h"

namespace edge::hash_slots_test {
namespace {

using shared::HealthState;
using test::Algorithm;
using test::PoolWorld;

// The names are literals: members point to them.
std::vector<HashMember> members(const std::vector<std::string_view>& names) {
  std::vector<HashMember> out;
  for (const std::string_view name : names) out.push_back({name, static_cast<std::uint16_t>(out.size()), 1});
  return out;
}

TEST(Arrival, IsMinusTheLogarithm) {
  for (const std::uint32_t bits : {0U, 1U, 2U, 77U, 65536U, 0x12345678U, 0x7FFFFFFFU, 0x80000000U, 0xFFFFFFFFU}) {
    const double u = (static_cast<double>(bits) + 0.5) / 4294967296.0;
    EXPECT_NEAR(arrival(bits) / 16777216.0, -std::log2(u), 1e-6) << bits;
  }
}

TEST(HashSlots, SharesFollowWeights) {
  std::vector<HashMember> list = members({"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"});
  list[0].weight = 3;
  const HashSlots made = make_hash_slots("shop", list);
  std::array<int, 3> counts{};
  for (const std::uint16_t index : made.slots) ++counts[index];
  EXPECT_NEAR(counts[0], 65536 * 3 / 5, 800);
  EXPECT_NEAR(counts[1], 65536 / 5, 600);
  EXPECT_NEAR(counts[2], 65536 / 5, 600);
}

TEST(HashSlots, WhoLeavesMovesNobodyElseAndTheOrderOfTheListIsNothing) {
  const std::vector<std::string_view> names = {"a:80", "b:80", "c:80", "d:80", "e:80"};
  const HashSlots all = make_hash_slots("shop", members(names));
  const HashSlots fewer = make_hash_slots("shop", members({"e:80", "d:80", "b:80", "a:80"}));
  const std::vector<std::string_view> fewer_names = {"e:80", "d:80", "b:80", "a:80"};
  int moved = 0;
  for (std::size_t slot = 0; slot < all.slots.size(); ++slot) {
    const std::string_view before = names[all.slots[slot]];
    const std::string_view after = fewer_names[fewer.slots[slot]];
    if (before == "c:80") ++moved;
    ASSERT_TRUE(before == "c:80" || before == after);
  }
  EXPECT_NEAR(moved, 65536 / 5, 600);
}

TEST(HashSlots, AHeavierServerOnlyWins) {
  std::vector<HashMember> list = members({"a:80", "b:80", "c:80"});
  const HashSlots before = make_hash_slots("shop", list);
  list[1].weight = 2;
  const HashSlots after = make_hash_slots("shop", list);
  for (std::size_t slot = 0; slot < before.slots.size(); ++slot) {
    ASSERT_TRUE(before.slots[slot] == after.slots[slot] || after.slots[slot] == 1);
  }
}

// These stand for what other edges, and versions to come, must do with the same names.
TEST(HashSlots, IsTheSameEverywhere) {
  const HashSlots made = make_hash_slots("shop", members({"10.0.1.10:8080", "10.0.1.12:8080", "10.0.1.13:8080"}));
  std::uint64_t digest = 0;
  for (const std::uint16_t index : made.slots) digest = shared::mix(digest + index + 1);
  EXPECT_EQ(digest, 15546821262825678724ULL);
}

TEST(Hash, AKeyStaysUntilItsServerFallsAndTheFallenOnesKeysSpread) {
  PoolWorld world(Algorithm::hash, {1, 1, 1, 1, 1});
  BalanceState state;
  constexpr int kKeys = 5000;
  std::vector<int> home;
  for (int i = 0; i < kKeys; ++i) home.push_back(world.pick_one(state, shared::mix(static_cast<std::uint64_t>(i))));
  world.server(2).state.set_health(HealthState::down);
  BalanceState other(99);
  std::array<int, 5> heirs{};
  for (int i = 0; i < kKeys; ++i) {
    const int now = world.pick_one(other, shared::mix(static_cast<std::uint64_t>(i)));
    const int before = home[static_cast<std::size_t>(i)];
    ASSERT_TRUE(before == 2 || now == before);
    if (before == 2) ++heirs[static_cast<std::size_t>(now)];
  }
  EXPECT_EQ(heirs[2], 0);
  for (const std::size_t i : {0U, 1U, 3U, 4U}) EXPECT_NEAR(heirs[i], kKeys / 20, 70);
}

TEST(Hash, ARetryGoesElsewhereAndAlwaysToTheSame) {
  PoolWorld world(Algorithm::hash, {1, 1, 1});
  BalanceState state;
  const int first = world.pick_one(state, 42);
  world.tried = {ServerId{static_cast<std::uint32_t>(first)}};
  const int second = world.pick_one(state, 42);
  EXPECT_NE(first, second);
  EXPECT_EQ(second, world.pick_one(state, 42));
}

// One key for all requests, and the load is bounded: no server holds more than its part of the whole times the bound.
TEST(Hash, ABoundSpreadsAHotKey) {
  PoolWorld world(Algorithm::hash, {1, 1, 1, 1});
  std::get<HashSlots>(world.pool.selector).bound_percent = 125;
  BalanceState state;
  std::atomic<std::uint32_t>& total = world.live.pool(PoolSlot{}).in_flight;
  for (int i = 0; i < 400; ++i) {
    const int index = world.pick_one(state, 7);
    const std::uint32_t held = ++world.server(static_cast<std::size_t>(index)).in_flight;
    ++total;
    ASSERT_LE(held, (total * 125 + 399) / 400);
  }
  for (std::size_t i = 0; i < 4; ++i) EXPECT_GE(world.server(i).in_flight, 20U);
}

TEST(Hash, ABoundLeavesOrdinaryKeysAtHomeAndCountsOnlyWhoMayBePicked) {
  PoolWorld world(Algorithm::hash, {1, 1, 1, 1});
  std::get<HashSlots>(world.pool.selector).bound_percent = 200;
  world.server(0).state.set_health(HealthState::down);
  world.server(1).state.set_health(HealthState::down);
  BalanceState state;
  std::array<int, 4> counts{};
  for (std::uint64_t key = 0; key < 600; ++key) {
    const int index = world.pick_one(state, shared::mix(key));
    ++world.server(static_cast<std::size_t>(index)).in_flight;
    ++world.live.pool(PoolSlot{}).in_flight;
    ++counts[static_cast<std::size_t>(index)];
  }
  EXPECT_NEAR(counts[2], 300, 60);
  EXPECT_NEAR(counts[3], 300, 60);
}

}  // namespace
}  // namespace edge::hash_slots_test
