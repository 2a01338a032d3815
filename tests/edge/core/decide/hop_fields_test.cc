#include "edge/core/decide/hop_fields.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "edge/core/pool/learned_sessions.h"
#include "tests/edge/core/decide_world.h"
#include "tests/shared/http/parse.h"

namespace edge::test::hop_fields_test {
namespace {

bool takes(const Route& route, const Pool* pool, const std::string& connection) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nConnection: " + connection + "\r\n\r\n";
  const auto head = http::testing::request(text);
  return takes_off_what_counts(route, pool, head.fields);
}

TEST(HopFields, WhatTheRouteGoesByStays) {
  Route route;
  EXPECT_FALSE(takes(route, nullptr, "X-Any"));
  route.conditions.headers = {{.name = "X-Canary", .value = {}}, {.name = "Cookie", .value = {}}};
  EXPECT_TRUE(takes(route, nullptr, "close, x-canary"));
  EXPECT_FALSE(takes(route, nullptr, "X-Other, keep-alive"));
  EXPECT_FALSE(takes(route, nullptr, "Cookie")) << "it stays in any case";
  auto rule = std::make_shared<CacheRule>();
  rule->key = {{.kind = CacheKeyPart::Kind::cookie, .name = "id"},
               {.kind = CacheKeyPart::Kind::header, .name = "X-Device"}};
  route.cache = rule;
  EXPECT_TRUE(takes(route, nullptr, "X-Device"));
  EXPECT_FALSE(takes(route, nullptr, "id"));
  RateLimitSettings settings{
      .name = "api", .rate = 1, .key = {{}, {.kind = LimitKeyPart::Kind::header, .name = "X-Tenant"}}};
  LimitLives lives;
  for (const shared::Mode mode : {shared::Mode::enforce, shared::Mode::shadow, shared::Mode::disabled}) {
    settings.mode = mode;
    route.limits = {std::make_shared<const RateLimit>(settings, lives.of(settings), 1)};
    EXPECT_EQ(takes(route, nullptr, "X-Tenant"), mode == shared::Mode::enforce);
  }
}

TEST(HopFields, WhatThePoolGoesByStays) {
  const Route route;
  Pool pool;
  EXPECT_FALSE(takes(route, &pool, "X-Shard"));
  pool.hash_key = {.kind = HashKey::Kind::header, .name = "X-Shard"};
  EXPECT_TRUE(takes(route, &pool, "X-Shard"));
  auto sessions = std::make_shared<LearnedSessions>();
  sessions->name = "X-Session";
  pool.sticky.learned = sessions;
  EXPECT_FALSE(takes(route, &pool, "X-Session")) << "a cookie has that name";
  sessions->by = LearnedSessions::By::header;
  EXPECT_TRUE(takes(route, &pool, "X-Session"));
}

bool doubles(const Route& route, const Pool* pool, const std::string& fields) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  const auto head = http::testing::request(text);
  return doubles_what_counts(route, pool, head.fields);
}

TEST(HopFields, WhatTheRouteGoesByStandsOnce) {
  Route route;
  const std::string two = "X-Tenant: a\r\nX-Tenant: b\r\n";
  const std::string same = "X-Tenant: a\r\nx-tenant: a\r\nX-Api-Key: a\r\nX-Api-Key: a\r\n";
  const std::string keys = "X-Api-Key: a\r\nX-Api-Key: b\r\n";
  EXPECT_FALSE(doubles(route, nullptr, two + keys)) << "nobody goes by them";
  route.conditions.headers = {{.name = "X-Tenant", .value = {}}};
  EXPECT_FALSE(doubles(route, nullptr, two)) << "it is there, whatever it says";
  route.conditions.headers[0].value = "a";
  EXPECT_TRUE(doubles(route, nullptr, two));
  EXPECT_FALSE(doubles(route, nullptr, same)) << "as two proxies in a row write it";
  EXPECT_FALSE(doubles(route, nullptr, "X-Tenant: a\r\n"));
  route.conditions.headers = {{.name = "Accept-Language", .value = "de"}};
  EXPECT_FALSE(doubles(route, nullptr, "Accept-Language: de\r\nAccept-Language: en\r\n")) << "a list";
  route.conditions.headers.clear();
  LimitLives lives;
  for (const shared::Mode mode : {shared::Mode::enforce, shared::Mode::shadow, shared::Mode::disabled}) {
    RateLimitSettings settings{
        .name = "api", .mode = mode, .rate = 1, .key = {{.kind = LimitKeyPart::Kind::header, .name = "x-tenant"}}};
    route.limits = {std::make_shared<const RateLimit>(settings, lives.of(settings), 1)};
    EXPECT_EQ(doubles(route, nullptr, two), mode == shared::Mode::enforce);
    EXPECT_FALSE(doubles(route, nullptr, same));
    EXPECT_FALSE(doubles(route, nullptr, keys));
    settings.key = {{.kind = LimitKeyPart::Kind::api_key}};
    route.limits = {std::make_shared<const RateLimit>(settings, lives.of(settings), 1)};
    EXPECT_EQ(doubles(route, nullptr, keys), mode == shared::Mode::enforce);
    EXPECT_FALSE(doubles(route, nullptr, same));
    EXPECT_EQ(doubles(route, nullptr, "Authorization: a\r\nAuthorization: b\r\n"), mode == shared::Mode::enforce);
  }
  Pool pool;
  pool.hash_key = {.kind = HashKey::Kind::header, .name = "X-Tenant"};
  EXPECT_TRUE(doubles(Route(), &pool, two));
  EXPECT_FALSE(doubles(Route(), &pool, same));
  pool.hash_key = {};
  auto sessions = std::make_shared<LearnedSessions>();
  sessions->name = "X-Tenant";
  sessions->by = LearnedSessions::By::header;
  pool.sticky.learned = sessions;
  EXPECT_TRUE(doubles(Route(), &pool, two));
  EXPECT_FALSE(doubles(Route(), &pool, same));
}

TEST(HopFields, WhatSaysTheTierStandsOnce) {
  const auto says = [](const std::string& peer, const std::string& fields, std::vector<std::string> order) {
    const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
    const auto head = http::testing::request(text);
    Tiers::Settings settings;
    settings.order = std::move(order);
    const Client client = identify_client(*shared::IpAddress::parse(peer), head.fields, allow_list("10.0.0.0/8"));
    return doubles_the_tier(Tiers(settings), client, head.fields);
  };
  const std::string two = "X-Customer-Tier: gold\r\nX-Customer-Tier: free\r\n";
  EXPECT_TRUE(says("10.0.0.1", two, {"free", "gold"})) << "a proxy has added one to the client's own";
  EXPECT_FALSE(says("192.0.2.1", two, {"free", "gold"})) << "nobody believes it";
  EXPECT_FALSE(says("10.0.0.1", two, {}));
  const std::string same = "X-Customer-Tier: gold\r\nX-Customer-Tier: gold\r\nX-Api-Key: a\r\nX-Api-Key: a\r\n";
  EXPECT_FALSE(says("10.0.0.1", same, {"free", "gold"}));
  EXPECT_TRUE(says("192.0.2.1", "X-Api-Key: a\r\nX-Api-Key: b\r\n", {"free", "gold"}));
  EXPECT_FALSE(says("192.0.2.1", "X-Api-Key: a\r\nAuthorization: Bearer b\r\n", {"free", "gold"}));
}

TEST(HopFields, ARequestThatDoublesOneIsRefusedAndUsesNoLimit) {
  DecideWorld world;
  const Pool& web = world.add_pool("web", Algorithm::round_robin, {1});
  world.add_route("/", web.id);
  RateLimitSettings settings{
      .name = "api", .rate = 1, .key = {{.kind = LimitKeyPart::Kind::header, .name = "X-Tenant"}}};
  LimitLives lives;
  world.routes[0].limits = {std::make_shared<const RateLimit>(settings, lives.of(settings), 1)};
  const auto ask = [&](const std::string& fields) {
    Asker asker(world, "/", fields);
    BalanceState balance;
    shared::NullTrace trace;
    const Asked asked{.head = asker.head, .peer = asker.peer, .now = world.now};
    return decide(*asker.snapshot, world.live, asked, {asker.scratch, balance}, trace);
  };
  EXPECT_EQ(ask("X-Tenant: made-up\r\nX-Tenant: mine\r\n").refusal.status, 400);
  EXPECT_EQ(world.routes[0].limits[0]->live().passed, 0U);
  world.tiers.order = {"free", "gold"};
  EXPECT_EQ(ask("X-Api-Key: a\r\nX-Api-Key: b\r\n").refusal.reason, "a field that the tier goes by has two values");
}

// Else one with X_Debug alone would go to the next route, whose server reads it as X-Debug.
TEST(HopFields, ATwinPassesNoRouteBy) {
  DecideWorld world;
  const Pool& web = world.add_pool("web", Algorithm::round_robin, {1});
  world.add_route("/", web.id);
  world.add_route("/", web.id);
  world.routes[0].conditions.headers = {{.name = "X-Debug", .value = "1"}};
  const auto ask = [&](const std::string& fields) {
    Asker asker(world, "/", fields);
    BalanceState balance;
    shared::NullTrace trace;
    const Asked asked{.head = asker.head, .peer = asker.peer, .now = world.now};
    return decide(*asker.snapshot, world.live, asked, {asker.scratch, balance}, trace);
  };
  EXPECT_EQ(ask("X_Debug: 1\r\n").refusal.status, 400);
  EXPECT_EQ(ask("X_Debug: 0\r\n").kind, Decision::Kind::pool);
  EXPECT_EQ(ask("X-Debug: 1\r\n").kind, Decision::Kind::pool);
}

TEST(HopFields, ARequestThatTakesOneOffIsRefusedAndUsesNoLimit) {
  DecideWorld world;
  const Pool& web = world.add_pool("web", Algorithm::round_robin, {1});
  world.add_route("/", web.id);
  RateLimitSettings settings{
      .name = "api", .rate = 1, .key = {{.kind = LimitKeyPart::Kind::header, .name = "X-Tenant"}}};
  LimitLives lives;
  world.routes[0].limits = {std::make_shared<const RateLimit>(settings, lives.of(settings), 1)};
  Asker asker(world, "/", "X-Tenant: made-up\r\nConnection: X-Tenant\r\n");
  BalanceState balance;
  shared::NullTrace trace;
  const Asked asked{.head = asker.head, .peer = asker.peer, .now = world.now};
  const Decision decision = decide(*asker.snapshot, world.live, asked, {asker.scratch, balance}, trace);
  EXPECT_EQ(decision.kind, Decision::Kind::refused);
  EXPECT_EQ(decision.refusal.status, 400);
  EXPECT_EQ(world.routes[0].limits[0]->live().passed, 0U);
}

}  // namespace
}  // namespace edge::test::hop_fields_test
