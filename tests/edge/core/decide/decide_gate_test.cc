// What a route asks of a request before its action, and what it makes of it for servers: the order of the steps, what
// each leaves for the answer and the log, and that explain() says it and counts nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "edge/core/route/gate.h"
#include "tests/edge/core/decide_world.h"

namespace edge::test::decide_gate_test {
namespace {

using Kind = Decision::Kind;

struct GateTest : ::testing::Test {
  DecideWorld world;
  BalanceState balance;
  CredentialCache cache;

  GateTest() {
    const Pool& web = world.add_pool("web", Algorithm::round_robin, {1});
    world.add_route("/", web.id);
  }
  void set(Gate gate) { world.routes[0].gate = std::make_shared<const Gate>(std::move(gate)); }

  Decision ask(Asker& asker, std::int64_t wall = 0) {
    shared::NullTrace trace;
    const Asked asked{.head = asker.head, .peer = asker.peer, .now = world.now, .body_length = 100, .wall = wall};
    return decide(*asker.snapshot, world.live, asked, {asker.scratch, balance, &cache}, trace);
  }
  Decision ask(const std::string& path, std::string_view more = {}) {
    asker_ = std::make_unique<Asker>(world, path, more);
    return ask(*asker_);
  }
  std::string explained(const std::string& path, std::vector<std::string> headers = {}) {
    ExplainedRequest request;
    request.host = "shop.example";
    request.path = path;
    request.client = *shared::IpAddress::parse("198.51.100.7");
    request.headers = std::move(headers);
    const auto said = explain(*world.snapshot(), world.live, request, {.now = world.now});
    return said ? to_text(*said) : "error";
  }
  static std::shared_ptr<const AccessList> denial(shared::Mode mode = shared::Mode::enforce) {
    return std::make_shared<const AccessList>(
        AccessSettings{.name = "bad", .mode = mode, .deny = {*shared::Prefix::parse("198.51.100.0/24")}},
        std::make_shared<AccessLive>());
  }
  static std::shared_ptr<const AuthPolicy> staff() {
    AuthSettings settings;
    settings.name = settings.realm = "staff";
    settings.user_field = "X-User";
    settings.by = PasswordUsers{.users = {{"alice", "hash"}}, .stand_in = "none"};
    return std::make_shared<const AuthPolicy>(std::move(settings), std::make_shared<AuthLive>(), CredentialKeys{});
  }

 private:
  std::unique_ptr<Asker> asker_;
};

TEST_F(GateTest, AListDeniesAndIsCountedButNotByExplain) {
  Gate gate;
  gate.access = {denial(shared::Mode::shadow), denial()};
  set(std::move(gate));
  const AccessLists& lists = world.routes[0].gate->access;
  const Decision denied = ask("/x");
  EXPECT_EQ(denied.refusal.status, 403);
  EXPECT_EQ(denied.refusal.reason, "denied by the access list 'bad'");
  EXPECT_EQ(denied.match.response_rules, &denied.match.route->response_rules);
  EXPECT_EQ(lists[0]->live().shadowed, 1U);
  EXPECT_EQ(lists[1]->live().denied, 1U);
  const std::string said = explained("/x");
  EXPECT_NE(said.find("access: bad: 198.51.100.7 is denied, as all of 198.51.100.0/24 (shadow)"), std::string::npos)
      << said;
  EXPECT_NE(said.find("answer: 403 denied by the access list 'bad'"), std::string::npos);
  EXPECT_EQ(lists[1]->live().denied, 1U);
}

TEST_F(GateTest, MaintenanceIsForAllButThoseWhoWorkOnIt) {
  Gate gate;
  gate.maintenance = {allow_list("192.0.2.0/24"), std::chrono::seconds(60)};
  set(gate);
  const Decision closed = ask("/x");
  EXPECT_EQ(closed.refusal.status, 503);
  EXPECT_EQ(closed.closed_for, std::chrono::seconds(60));
  gate.maintenance->mode = shared::Mode::shadow;
  set(gate);
  EXPECT_EQ(ask("/x").kind, Kind::pool);
  EXPECT_TRUE(ask("/x").would_be_closed);
  gate.maintenance->mode = shared::Mode::enforce;
  gate.maintenance->bypass = allow_list("198.51.100.0/24");
  set(gate);
  EXPECT_EQ(ask("/x").kind, Kind::pool);
}

TEST_F(GateTest, ABodyMayBeTooLargeForARoute) {
  Gate gate;
  gate.max_body = 99;
  set(gate);
  EXPECT_EQ(ask("/x").refusal.status, 413);
  gate.max_body = 100;
  set(gate);
  EXPECT_EQ(ask("/x").kind, Kind::pool);
}

TEST_F(GateTest, PathAndQueryAreRewrittenAndWhatWasAskedIsKept) {
  Gate gate;
  gate.path.push_back(*PathRule::prefixes("/api", "/v2"));
  gate.query.apply({QueryRule::Op::remove, "a"});
  set(std::move(gate));
  const Decision decision = ask("/api/x%2fy?a=1&b=2");
  EXPECT_EQ(decision.match.target.kept, "/v2/x%2fy");
  EXPECT_EQ(decision.match.target.query, "?b=2");
  EXPECT_EQ(decision.match.asked_path, "/api/x%2fy");
  EXPECT_EQ(decision.match.asked_query, "?a=1&b=2");
  EXPECT_TRUE(decision.match.rewritten);
  EXPECT_NE(explained("/api/x").find("rewrite: to /v2/x, by /api/{rest*} -> /v2/{rest}"), std::string::npos);
  EXPECT_EQ(ask("/other").match.target.kept, "/other");
}

TEST_F(GateTest, APathThatItsPartsMakeAnotherIsRefused) {
  Gate gate;
  gate.path.push_back(*PathRule::parse("/{a}/{b}", "/files/{a}{b}"));
  set(std::move(gate));
  EXPECT_EQ(ask("/x/y").match.target.kept, "/files/xy");
  EXPECT_EQ(ask("/.;v=1/.;v=2").refusal.status, 400);
  EXPECT_EQ(ask("/x%C0/%AFy").refusal.status, 400) << "to some decoders C0 AF is a slash";
  EXPECT_EQ(ask("/x%C3/%A4").match.target.kept, "/files/x%C3%A4");
}

TEST_F(GateTest, WhoHasNotSaidWhoHeIsIsToldHow) {
  Gate gate;
  gate.auth = {staff()};
  set(std::move(gate));
  const Decision nobody = ask("/x");
  EXPECT_EQ(nobody.refusal.status, 401);
  EXPECT_EQ(nobody.challenge, "Basic realm=\"staff\", charset=\"UTF-8\"");
  EXPECT_NE(explained("/x").find("answer: 401 nobody has said who asks"), std::string::npos);
}

// The server behind the edge may go by the other one.
TEST_F(GateTest, WhoShowsTwoCredentialsOfOneKindIsRefused) {
  EXPECT_EQ(ask("/x", "Authorization: Basic YTpi\r\nAuthorization: Basic Yzpk\r\n").kind, Decision::Kind::pool)
      << "the edge does not ask here";
  Gate gate;
  gate.auth = {staff()};
  set(std::move(gate));
  EXPECT_EQ(ask("/x", "Authorization: Basic YTpi\r\nAuthorization: Basic Yzpk\r\n").refusal.status, 400);
  EXPECT_EQ(ask("/x", "X-Api-Key: a\r\nAuthorization: Basic YTpi\r\nx-api-key: b\r\n").refusal.status, 400);
  EXPECT_EQ(ask("/x", "X-Api-Key: a\r\nAuthorization: Basic YTpi\r\n").kind, Decision::Kind::password);
}

TEST_F(GateTest, APasswordIsCheckedBehindTheLimitsAndDecidedAgainWithoutBeingCounted) {
  Gate gate;
  gate.access = {std::make_shared<const AccessList>(AccessSettings{.name = "all"}, std::make_shared<AccessLive>())};
  gate.auth = {staff()};
  set(std::move(gate));
  auto live = LimitLives().of({.name = "one", .rate = 0.01});
  world.routes[0].limits = {std::make_shared<const RateLimit>(RateLimitSettings{.name = "one", .rate = 0.01}, live, 1)};
  const std::string basic = "Authorization: Basic YWxpY2U6c2VjcmV0\r\n";
  EXPECT_NE(
      explained("/x", {"Authorization: Basic YWxpY2U6c2VjcmV0"}).find("if the password of alice is right (else 401): "),
      std::string::npos);
  Asker asker(world, "/x", basic);
  const Decision unchecked = ask(asker);
  ASSERT_EQ(unchecked.kind, Kind::password);
  EXPECT_EQ(unchecked.check->user, "alice");
  EXPECT_EQ(unchecked.first.server, nullptr);
  cache.put(unchecked.check->key, unchecked.check->policy->identity("alice", std::nullopt), world.now + kGoodPassword);
  shared::NullTrace trace;
  Asked asked{.head = asker.head, .peer = asker.peer, .now = world.now};
  asked.ruled = &unchecked.limit;
  asked.ruled_by = unchecked.match.route;
  const Decision good = decide(*asker.snapshot, world.live, asked, {asker.scratch, balance, &cache}, trace);
  ASSERT_EQ(good.kind, Kind::pool) << "its one request has been used, by itself";
  EXPECT_EQ(good.match.identity->subject, "alice");
  EXPECT_EQ(good.limit.by, unchecked.limit.by);
  EXPECT_EQ(live->passed, 1U);
  EXPECT_EQ(live->rejected, 0U);
  EXPECT_EQ(asker.snapshot->routes->all()[0].gate->access[0]->live().allowed, 1U);
}

TEST_F(GateTest, TheGateStandsBeforeTheCacheWhichSeesWhatServersGet) {
  Gate gate;
  gate.access = {std::make_shared<const AccessList>(AccessSettings{.name = "all"}, std::make_shared<AccessLive>())};
  gate.path.push_back(*PathRule::prefixes("/api", "/v2"));
  set(gate);
  world.routes[0].cache = std::make_shared<const CacheRule>();
  auto live = LimitLives().of({.name = "one", .rate = 0.01});
  world.routes[0].limits = {std::make_shared<const RateLimit>(RateLimitSettings{.name = "one", .rate = 0.01}, live, 1)};
  shared::NullTrace trace;
  Asker asker(world, "/api/x");
  Asked asked{.head = asker.head, .peer = asker.peer, .now = world.now, .to_cache = true};
  Decision decision = decide(*asker.snapshot, world.live, asked, {asker.scratch, balance, &cache}, trace);
  ASSERT_EQ(decision.kind, Kind::pool);
  EXPECT_TRUE(decision.at_cache);
  EXPECT_EQ(decision.first.server, nullptr);
  EXPECT_EQ(decision.match.target.kept, "/v2/x");
  EXPECT_EQ(rewriter_of(decision.match), decision.match.route->name);
  EXPECT_EQ(live->passed, 0U);
  decide_server(decision, *asker.snapshot, world.live, asked, {asker.scratch, balance, &cache}, trace);
  EXPECT_NE(decision.first.server, nullptr);
  EXPECT_EQ(live->passed, 1U);
  const AccessLive& counted = asker.snapshot->routes->all()[0].gate->access[0]->live();
  EXPECT_EQ(counted.allowed, 1U);
  asked.to_cache = false;
  asked.for_cache = true;
  (void)decide(*asker.snapshot, world.live, asked, {asker.scratch, balance, &cache}, trace);
  EXPECT_EQ(counted.allowed, 1U) << "what the cache fetches is nobody else";
  gate.access = {denial()};
  set(std::move(gate));
  Asker denied(world, "/api/x");
  const Asked again{.head = denied.head, .peer = denied.peer, .now = world.now, .to_cache = true};
  decision = decide(*denied.snapshot, world.live, again, {denied.scratch, balance, &cache}, trace);
  EXPECT_EQ(decision.refusal.status, 403);
  EXPECT_FALSE(decision.at_cache);
}

TEST_F(GateTest, APreflightIsAnsweredBeforeAnybodyIsAskedWhoHeIs) {
  Gate gate;
  gate.cors.emplace(CorsSettings{.origins = {"https://a.example"}}, HeaderRules());
  gate.auth = {staff()};
  set(std::move(gate));
  const std::string origin = "Origin: https://a.example\r\n";
  Asker asker(world, "/x", origin + "Access-Control-Request-Method: PUT\r\n");
  asker.head.method = http::Method::options;
  const Decision preflight = ask(asker);
  EXPECT_EQ(preflight.kind, Kind::preflight);
  EXPECT_EQ(preflight.match.response_rules,
            &asker.snapshot->routes->all()[0].gate->cors->preflight_rules_for(asker.head.fields));
  const Decision refused = ask("/x", origin);
  EXPECT_EQ(refused.refusal.status, 401);
  EXPECT_NE(refused.match.response_rules, &refused.match.route->response_rules) << "the page may read it";
}

// Keys that say the tier; one route for everybody, and one for a tier before it.
struct TierByIdentity : GateTest {
  std::shared_ptr<const AuthPolicy> keys = [] {
    AuthSettings settings;
    settings.name = settings.realm = "people";
    HashedKeys by;
    by.digest = [](std::string_view key) {
      KeyDigest digest{};
      std::ranges::copy(key.substr(0, digest.size()), digest.begin());
      return digest;
    };
    by.keys = {{by.digest("gold"), "alice", TierId{1}}, {by.digest("iron"), "bob", TierId{0}}};
    settings.by = std::move(by);
    return std::make_shared<const AuthPolicy>(std::move(settings), std::make_shared<AuthLive>(), CredentialKeys{});
  }();

  TierByIdentity() {
    world.tiers.order = {"standard", "enterprise"};
    const Pool& big = world.add_pool("big", Algorithm::round_robin, {1});
    world.add_route("/", big.id).conditions.tiers = 1U << 1U;
    std::swap(world.routes[0], world.routes[1]);
    Gate gate;
    gate.auth = {keys};
    world.routes[0].gate = world.routes[1].gate = std::make_shared<const Gate>(gate);
  }
  [[nodiscard]] std::uint64_t accepted() const { return keys->live().accepted.load(); }
};

TEST_F(TierByIdentity, LeadsToTheRouteOfTheTier) {
  const Decision gold = ask("/x", "X-Api-Key: gold\r\n");
  ASSERT_EQ(gold.kind, Kind::pool);
  EXPECT_EQ(gold.at_pool.pool->name, "big");
  EXPECT_EQ(gold.at_pool.tier, TierId{1});
  EXPECT_EQ(gold.match.identity->subject, "alice");
  EXPECT_EQ(accepted(), 1U) << "who asks is looked at once";
  const Decision iron = ask("/x", "X-Api-Key: iron\r\n");
  EXPECT_EQ(iron.at_pool.pool->name, "web");
  EXPECT_EQ(ask("/x").refusal.status, 401);
  EXPECT_EQ(ask("/x", "X-Api-Key: brass\r\n").refusal.status, 401);
  const std::string said = explained("/x", {"X-Api-Key: gold"});
  EXPECT_NE(said.find("enterprise, by who it is: the routes are asked again"), std::string::npos) << said;
  EXPECT_NE(said.find("pool big"), std::string::npos) << said;
}

// By what the policy has found good: the bearer token, whatever stands in a key that it was not asked about.
TEST_F(TierByIdentity, ALimitByApiKeyCountsWhatTheClientWasLetInBy) {
  RateLimitSettings settings{.name = "one", .rate = 0.01, .key = {{.kind = LimitKeyPart::Kind::api_key}}};
  LimitLives lives;
  for (Route& route : world.routes) route.limits = {std::make_shared<const RateLimit>(settings, lives.of(settings), 1)};
  EXPECT_EQ(ask("/x", "Authorization: Bearer iron\r\n").match.shown_in, http::FieldId::authorization);
  EXPECT_EQ(ask("/x", "X-Api-Key: iron\r\nAuthorization: Bearer other\r\n").refusal.status, 429);
  EXPECT_EQ(ask("/x", "X-Api-Key: gold\r\n").match.shown_in, http::FieldId::x_api_key);
  Gate gate;
  gate.auth = {staff()};
  for (Route& route : world.routes) route.gate = std::make_shared<const Gate>(gate);
  const auto guess = [&](const std::string& key, const std::string& password) {
    return ask("/x", "X-Api-Key: " + key + "\r\nAuthorization: Basic " + password + "\r\n");
  };
  EXPECT_EQ(guess("made-up-1", "YTpi").kind, Kind::password);
  EXPECT_EQ(guess("made-up-2", "YTpj").refusal.status, 429) << "guesses are under the limit";
}

TEST_F(TierByIdentity, TheRouteOfTheTierAsksForAllThatItWants) {
  Gate gate = *world.routes[0].gate;
  gate.access = {denial()};
  world.routes[0].gate = std::make_shared<const Gate>(gate);
  EXPECT_EQ(ask("/x", "X-Api-Key: gold\r\n").refusal.status, 403);
  gate.access.clear();
  gate.maintenance = Maintenance{};
  world.routes[0].gate = std::make_shared<const Gate>(gate);
  EXPECT_EQ(ask("/x", "X-Api-Key: gold\r\n").refusal.status, 503);
  gate.maintenance.reset();
  gate.auth = {staff()};
  world.routes[0].gate = std::make_shared<const Gate>(gate);
  EXPECT_EQ(ask("/x", "X-Api-Key: gold\r\n").refusal.status, 401) << "another policy than the one that was passed";
  world.routes[0].gate = nullptr;
  world.routes[0].allow = allow_list("192.0.2.0/24");
  EXPECT_EQ(ask("/x", "X-Api-Key: gold\r\n").refusal.status, 403);
  EXPECT_EQ(ask("/x", "X-Api-Key: iron\r\n").kind, Kind::pool);
}

// Who shows a password besides his key, which may be any, waits for its check and is led to his route only then.
TEST_F(TierByIdentity, TheLimitsOfTheRouteOfTheTierCountWhoHasShownAPassword) {
  Gate gate = *world.routes[1].gate;
  gate.auth = {keys, staff()};
  world.routes[1].gate = std::make_shared<const Gate>(gate);
  auto live = LimitLives().of({.name = "one", .rate = 0.01});
  world.routes[0].limits = {std::make_shared<const RateLimit>(RateLimitSettings{.name = "one", .rate = 0.01}, live, 1)};
  const auto shows = [&](bool good) {
    Asker asker(world, "/x", "X-Api-Key: gold\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n");
    CredentialCache unknown;
    shared::NullTrace trace;
    Asked asked{.head = asker.head, .peer = asker.peer, .now = world.now};
    const Decision before = decide(*asker.snapshot, world.live, asked, {asker.scratch, balance, &unknown}, trace);
    EXPECT_EQ(before.kind, Kind::password);
    if (before.check == nullptr) return before.refusal.status;
    const auto alice = before.check->policy->identity("alice", std::nullopt);
    unknown.put(before.check->key, good ? alice : nullptr, world.now + kWrongPassword);
    asked.ruled = &before.limit;
    asked.ruled_by = before.match.route;
    return decide(*asker.snapshot, world.live, asked, {asker.scratch, balance, &unknown}, trace).refusal.status;
  };
  EXPECT_EQ(shows(false), 401) << "whatever his key is";
  EXPECT_EQ(live->passed, 0U);
  EXPECT_NE(shows(true), 429);
  EXPECT_EQ(shows(true), 429);
  EXPECT_EQ(live->passed, 1U);
}

TEST_F(TierByIdentity, WhatTheFirstRouteWouldCloseIsForgotten) {
  Gate gate = *world.routes[1].gate;
  gate.maintenance = Maintenance{.bypass = {}, .mode = shared::Mode::shadow};
  world.routes[1].gate = std::make_shared<const Gate>(gate);
  EXPECT_TRUE(ask("/x", "X-Api-Key: iron\r\n").would_be_closed);
  EXPECT_FALSE(ask("/x", "X-Api-Key: gold\r\n").would_be_closed);
}

}  // namespace
}  // namespace edge::test::decide_gate_test
