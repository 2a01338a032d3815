#include "edge/core/decide/decide.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "edge/core/route/mirror_rule.h"
#include "tests/edge/core/decide_world.h"

namespace edge::test::decide_test {
namespace {

using Kind = Decision::Kind;

void fill(DecideWorld& world) {
  const Pool& web = world.add_pool("web", Algorithm::round_robin, {1, 1});
  world.add_route("/", web.id);
  world.add_route("/closed", web.id).allow = allow_list("192.0.2.0/24");
  world.add_route("/words", Respond{.status = 200, .body = "words"});
  world.add_route("/old", Redirect{.status = 301, .to = "/new"});
}

TEST(Decide, LeadsWhereTheRouteSays) {
  DecideWorld world;
  fill(world);
  BalanceState balance;
  EXPECT_EQ(Asker(world, "/words").decide_in(world, balance).kind, Kind::respond);
  EXPECT_EQ(Asker(world, "/old/x").decide_in(world, balance).kind, Kind::redirect);
  Asker asker(world, "/x");
  const Decision decision = asker.decide_in(world, balance);
  ASSERT_EQ(decision.kind, Kind::pool);
  EXPECT_EQ(decision.match.route->name, "r0");
  EXPECT_EQ(decision.at_pool.pool->name, "web");
  EXPECT_EQ(decision.first.server->name, "web0");
  EXPECT_EQ(decision.at_pool.tried_count, 1U) << "a retry goes to another one";
  EXPECT_EQ(asker.decide_in(world, balance).first.server->name, "web1");
}

TEST(Decide, RefusesWithWhatIsKnownForTheLog) {
  DecideWorld world;
  fill(world);
  BalanceState balance;
  Asker closed(world, "/closed/x");
  const Decision forbidden = closed.decide_in(world, balance);
  ASSERT_EQ(forbidden.kind, Kind::refused);
  EXPECT_EQ(forbidden.refusal.status, 403);
  EXPECT_EQ(forbidden.match.route->name, "r1");
  EXPECT_EQ(forbidden.first.server, nullptr);
  Asker malformed(world, "/%00");
  EXPECT_EQ(malformed.decide_in(world, balance).refusal.status, 400);
  world.routes.erase(world.routes.begin());
  Asker lost(world, "/elsewhere");
  const Decision missing = lost.decide_in(world, balance);
  EXPECT_EQ(missing.refusal.status, 404);
  EXPECT_EQ(missing.match.target.path, "/elsewhere");
}

std::shared_ptr<const RateLimit> limit(RateLimitSettings settings) {
  auto live = LimitLives().of(settings);
  return std::make_shared<const RateLimit>(std::move(settings), std::move(live), 1);
}

// Where a cache is asked first it tells what is left, by the same.
TEST(Decide, LimitsCountByAllThatIsKnownOfARequest) {
  Route route;
  route.name = "api";
  Match match;
  match.route = &route;
  match.client.address = *shared::IpAddress::parse("192.0.2.1");
  match.tier = TierId{1};
  match.target.host = "shop.example";
  match.identity = std::make_shared<const Principal>(Principal{.subject = "alice"});
  match.shown_in = http::FieldId::authorization;
  const http::FieldList fields;
  const LimitSubject subject = limit_subject(match, fields);
  EXPECT_EQ(subject.client, match.client.address);
  EXPECT_EQ(&subject.fields, &fields);
  EXPECT_EQ(subject.tier, TierId{1});
  EXPECT_EQ(subject.host, "shop.example");
  EXPECT_EQ(subject.route, "api");
  EXPECT_EQ(subject.shown_in, http::FieldId::authorization);
  EXPECT_EQ(subject.identity, match.identity.get());
}

TEST(Decide, OverALimitItIs429AndNoServerIsPicked) {
  DecideWorld world;
  fill(world);
  world.routes[0].limits = {limit({.name = "one", .rate = 0.01})};
  BalanceState balance;
  Asker asker(world, "/x");
  EXPECT_EQ(asker.decide_in(world, balance).kind, Kind::pool);
  const Decision refused = asker.decide_in(world, balance);
  ASSERT_EQ(refused.kind, Kind::refused);
  EXPECT_EQ(refused.refusal.status, 429);
  EXPECT_EQ(refused.refusal.reason, "over the limit 'one'");
  EXPECT_TRUE(refused.limit.refused);
  EXPECT_EQ(refused.first.server, nullptr);
  EXPECT_EQ(Asker(world, "/words").decide_in(world, balance).kind, Kind::respond) << "another route";
}

TEST(Decide, WhoHasToWaitHasNoServerYet) {
  DecideWorld world;
  fill(world);
  world.routes[0].limits = {limit({.name = "slow", .rate = 10, .burst = 5, .excess = Excess::delay})};
  BalanceState balance;
  Asker asker(world, "/x");
  EXPECT_FALSE(asker.decide_in(world, balance).has_to_wait());
  const Decision held = asker.decide_in(world, balance);
  ASSERT_EQ(held.kind, Kind::pool);
  EXPECT_TRUE(held.has_to_wait());
  EXPECT_EQ(held.first.server, nullptr);
  EXPECT_EQ(held.at_pool.pool->name, "web");
}

// A list comes first: who may not come in has used nothing of what others share with him.
TEST(Decide, WhoIsNotAllowedIsNotCounted) {
  DecideWorld world;
  fill(world);
  world.routes[1].limits = {limit({.name = "one", .rate = 0.01, .key = {{.kind = LimitKeyPart::Kind::route}}})};
  BalanceState balance;
  EXPECT_EQ(Asker(world, "/closed/x").decide_in(world, balance).refusal.status, 403);
  EXPECT_EQ(world.routes[1].limits[0]->live().passed, 0U);
}

TEST(Decide, TheHealthPageNeedsNoRoute) {
  DecideWorld world;
  BalanceState balance;
  EXPECT_EQ(Asker(world, "/.meridian/health").decide_in(world, balance).kind, Kind::health_page);
  EXPECT_EQ(Asker(world, "/.meridian/other").decide_in(world, balance).refusal.status, 404);
}

TEST(Decide, ATrustedProxySaysWhoAsks) {
  DecideWorld world;
  fill(world);
  BalanceState balance;
  const std::string through = "X-Forwarded-For: 192.0.2.9\r\n";
  EXPECT_EQ(Asker(world, "/closed", through).decide_in(world, balance).kind, Kind::refused);
  world.settings.trusted_proxies = allow_list("198.51.100.0/24");
  EXPECT_EQ(Asker(world, "/closed", through).decide_in(world, balance).kind, Kind::pool);
}

TEST(Decide, APoolWithoutAServerIsStillWhereItLeads) {
  DecideWorld world;
  fill(world);
  world.pools[0].when_all_down = WhenAllDown::refuse;
  for (std::size_t i : {0U, 1U}) world.server(world.pools[0], i).state.set_health(shared::HealthState::down);
  BalanceState balance;
  Asker asker(world);
  const Decision decision = asker.decide_in(world, balance);
  EXPECT_EQ(decision.kind, Kind::pool);
  EXPECT_EQ(decision.first.server, nullptr);
}

TEST(Decide, ATierGivesWayBeforeThePoolIsFull) {
  DecideWorld world;
  fill(world);
  Pool& web = world.pools[0];
  web.bounded = true;
  for (Server& one : web.servers) one.max_in_flight = 5;
  web.shed = {.mode = shared::Mode::enforce, .from = {0.5}};
  PoolLive& live = world.live.pool(web.slot);
  live.capacity = 10;
  live.in_flight = 4;
  BalanceState balance;
  EXPECT_NE(Asker(world, "/x").decide_in(world, balance).first.server, nullptr);
  const Decision shed = Asker(world, "/x").decide_in(world, balance);
  EXPECT_EQ(shed.kind, Kind::pool);
  EXPECT_EQ(shed.first.server, nullptr);
  EXPECT_EQ(shed.at_pool.overload, Overload::shed);
  EXPECT_EQ(shed.at_pool.tried_count, 0U) << "and no breaker has been asked";
  EXPECT_EQ(live.shed, 1U);
  web.shed.mode = shared::Mode::shadow;
  EXPECT_NE(Asker(world, "/x").decide_in(world, balance).first.server, nullptr);
  EXPECT_EQ(live.shed_shadowed, 1U);
  web.shed.mode = shared::Mode::disabled;
  EXPECT_NE(Asker(world, "/x").decide_in(world, balance).first.server, nullptr);
  EXPECT_EQ(live.shed + live.shed_shadowed, 2U);
}

TEST(Decide, ACopyGoesToTheMirrorsPoolWhoeverItIsOf) {
  DecideWorld world;
  const PoolId web = world.add_pool("web", Algorithm::round_robin, {1}).id;
  const PoolId next = world.add_pool("next", Algorithm::round_robin, {1}).id;
  Route& route = world.add_route("/", web);
  route.allow = allow_list("10.0.0.0/8");
  const auto decide_copy = [&] {
    Asker asker(world);
    shared::NullTrace trace;
    BalanceState balance;
    const Asked asked{.head = asker.head, .peer = asker.peer, .now = world.now, .mirrored = true};
    return decide(*asker.snapshot, world.live, asked, {.scratch = asker.scratch, .balance = balance}, trace).kind;
  };
  EXPECT_EQ(decide_copy(), Decision::Kind::refused) << "a reload has ended the mirror";
  MirrorRule rule;
  rule.pool = next;
  rule.live = std::make_shared<MirrorLive>();
  route.mirror = std::make_shared<const MirrorRule>(rule);
  EXPECT_EQ(decide_copy(), Decision::Kind::pool) << "the list has been asked for the request";
  Asker asker(world);
  shared::NullTrace trace;
  BalanceState balance;
  const Asked asked{.head = asker.head, .peer = asker.peer, .now = world.now, .mirrored = true};
  const Decision copy =
      decide(*asker.snapshot, world.live, asked, {.scratch = asker.scratch, .balance = balance}, trace);
  EXPECT_EQ(copy.at_pool.pool->name, "next");
  EXPECT_EQ(copy.first.server->name, "next0");
  BalanceState other;
  EXPECT_EQ(asker.decide_in(world, other).refusal.status, 403) << "who asks himself is not let in";
}

}  // namespace
}  // namespace edge::test::decide_test
