#include "edge/core/decide/decide_connection.h"

#include <gtest/gtest.h>

#include "tests/edge/core/decide_world.h"

namespace edge::test::decide_connection_test {
namespace {

struct World : DecideWorld {
  PoolListeners listeners;
  std::vector<std::shared_ptr<const Snapshot>> kept;  // decisions point into them
  BalanceState balance;
  shared::IpAddress client = *shared::IpAddress::parse("198.51.100.7");

  World() {
    const PoolId one = add_pool("one", Algorithm::round_robin, {1, 1}).id;
    const PoolId two = add_pool("two", Algorithm::round_robin, {1}).id;
    listeners.emplace_back();  // of another protocol
    PoolListener listener;
    listener.name = "tcp:192.0.2.1:6379";
    listener.pool = one;
    listeners.push_back(listener);
    listener.name = "tcp:192.0.2.1:443";
    listener.pool = std::nullopt;
    listener.sni.add("two.example", two);
    listeners.push_back(std::move(listener));
  }
  std::shared_ptr<const Snapshot> with_listeners() const {
    auto made = std::make_shared<Snapshot>(*snapshot());
    made->listeners = std::make_shared<const PoolListeners>(listeners);
    return made;
  }
  ConnectionDecision decide(std::size_t listener, std::string_view name = {}) {
    shared::NullTrace trace;
    const AskedConnection asked{.listener = listeners[listener], .client = client, .server_name = name, .now = now};
    kept.push_back(with_listeners());
    return decide_connection(*kept.back(), live, asked, balance, trace);
  }
  std::string explained(const std::string& listener, const std::string& name = {}) {
    const auto text = explain_connection(*with_listeners(), live, {listener, name, client}, {.now = now});
    return text ? *text : "error: " + text.error().message;
  }
};

TEST(DecideConnection, GoesToTheListenersPoolInTurns) {
  World world;
  const auto first = world.decide(1);
  const auto second = world.decide(1);
  ASSERT_FALSE(first.refusal);
  ASSERT_NE(first.first.server, nullptr);
  EXPECT_NE(first.first.server->name, second.first.server->name);
}

TEST(DecideConnection, WhoIsNotAllowedOrNamesNobodyIsRefused) {
  World world;
  world.listeners[1].allow = allow_list("10.0.0.0/8");
  EXPECT_EQ(world.decide(1).refusal->kind, ErrorKind::forbidden);
  EXPECT_EQ(world.decide(2, "one.example").refusal->kind, ErrorKind::no_route);
  EXPECT_EQ(world.decide(2).refusal->kind, ErrorKind::no_route);
  EXPECT_FALSE(world.decide(2, "two.example").refusal);
  world.listeners[2].pool = world.pools[0].id;
  const auto decision = world.decide(2, "one.example");
  ASSERT_FALSE(decision.refusal);
  EXPECT_EQ(decision.at_pool.pool->name, "one");
}

TEST(DecideConnection, WithoutAServerThatIsTheRefusal) {
  World world;
  world.pools[1].when_all_down = WhenAllDown::refuse;
  world.server(world.pools[1], 0).state.set_health(shared::HealthState::down);
  EXPECT_EQ(world.decide(2, "two.example").refusal->kind, ErrorKind::no_server);
}

RateLimitSettings two_connections(shared::Mode mode = shared::Mode::enforce) {
  return {.name = "conns", .mode = mode, .rate = 0.001, .burst = 1};
}

TEST(DecideConnection, AListenersLimitCountsEachConnection) {
  World world;
  world.listeners[1].limits = {
      std::make_shared<const RateLimit>(two_connections(), LimitLives().of(two_connections()), 1)};
  EXPECT_NE(world.explained("6379").find("limit: conns"), std::string::npos) << "to foresee is not to count";
  EXPECT_FALSE(world.decide(1).refusal);
  EXPECT_FALSE(world.decide(1).refusal);
  const auto third = world.decide(1);
  ASSERT_TRUE(third.refusal);
  EXPECT_EQ(third.refusal->kind, ErrorKind::rate_limited);
  EXPECT_EQ(third.first.server, nullptr) << "no server's permit is held";
  EXPECT_NE(world.explained("6379").find("answer: refused: over the limit 'conns'"), std::string::npos);
  world.client = *shared::IpAddress::parse("198.51.100.8");
  EXPECT_FALSE(world.decide(1).refusal) << "another client";
}

TEST(DecideConnection, AListenersLimitInShadowModeOnlyCounts) {
  World world;
  const auto live = LimitLives().of(two_connections());
  world.listeners[1].limits = {std::make_shared<const RateLimit>(two_connections(shared::Mode::shadow), live, 1)};
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(world.decide(1).refusal);
  EXPECT_EQ(live->shadowed, 1U);
}

TEST(DecideConnection, AClientMayHaveSoManyConnectionsAtATime) {
  World world;
  const auto counts = std::make_shared<ConnectionCounts>(1);
  world.listeners[1].bound = std::make_shared<const ConnectionBound>(ConnectionBound{2, shared::Mode::enforce, counts});
  std::optional<ConnectionDecision> first = world.decide(1);
  const ConnectionDecision second = world.decide(1);
  EXPECT_FALSE(second.refusal);
  EXPECT_EQ(world.decide(1).refusal->kind, ErrorKind::rate_limited);
  EXPECT_EQ(counts->refused, 1U);
  EXPECT_NE(world.explained("6379").find("per_client: 2 of 2 connections: refused"), std::string::npos)
      << world.explained("6379");
  EXPECT_EQ(counts->of(world.client), 2U);
  first.reset();
  EXPECT_FALSE(world.decide(1).refusal) << "one has gone";
}

TEST(DecideConnection, TheBoundInShadowModeOnlyCounts) {
  World world;
  const auto counts = std::make_shared<ConnectionCounts>(1);
  world.listeners[1].bound = std::make_shared<const ConnectionBound>(ConnectionBound{1, shared::Mode::shadow, counts});
  const ConnectionDecision first = world.decide(1);
  const ConnectionDecision second = world.decide(1);
  EXPECT_FALSE(second.refusal);
  EXPECT_EQ(counts->shadowed, 1U);
  EXPECT_EQ(counts->of(world.client), 2U);
}

TEST(DecideConnection, WhoIsRefusedForAServerIsNotCounted) {
  World world;
  const auto counts = std::make_shared<ConnectionCounts>(1);
  world.listeners[2].bound = std::make_shared<const ConnectionBound>(ConnectionBound{1, shared::Mode::enforce, counts});
  EXPECT_EQ(world.decide(2, "nobody.example").refusal->kind, ErrorKind::no_route);
  EXPECT_EQ(counts->of(world.client), 0U);
}

TEST(DecideConnection, IsExplained) {
  World world;
  EXPECT_NE(world.explained("6379").find("answer: pool one, server one"), std::string::npos) << world.explained("6379");
  const std::string by_name = world.explained("tcp:443", "two.example");
  EXPECT_NE(by_name.find("sni: two.example"), std::string::npos) << by_name;
  EXPECT_NE(by_name.find("answer: pool two, server two0"), std::string::npos) << by_name;
  EXPECT_NE(world.explained("192.0.2.1:443").find("no server name: no rule for it"), std::string::npos);
  EXPECT_NE(world.explained("443").find("answer: refused: no pool for this server name"), std::string::npos);
  EXPECT_EQ(world.explained("44").substr(0, 6), "error:");
  EXPECT_EQ(world.explained("udp:443").substr(0, 6), "error:");
}

}  // namespace
}  // namespace edge::test::decide_connection_test
