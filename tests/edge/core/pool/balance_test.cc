#include "edge/core/pool/balance.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace edge::balance_test {
namespace {

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
  EXPECT_EQ(trace.lines()[1].text, "b, its turn");
}

}  // namespace
}  // namespace edge::balance_test
