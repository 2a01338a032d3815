#include "edge/core/decide/hop_fields.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "edge/core/pool/learned_sessions.h"
#include "tests/edge/core/decide_world.h"
#include "tests/shared/http/parse.h"

namespace edge::test {
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
}  // namespace edge::test
