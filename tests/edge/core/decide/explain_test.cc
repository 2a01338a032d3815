// explain() against decide() as workers call it: what it says of a request is what the request then gets, whatever the
// configuration, the health of the servers, panic, breakers and sessions.
#include "edge/core/decide/explain.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "edge/core/route/gate.h"
#include "tests/edge/core/decide_world.h"

namespace edge::test::explain_test {
namespace {

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

ExplainedRequest request_for(const std::string& path) {
  ExplainedRequest request;
  request.host = "shop.example";
  request.path = path;
  request.client = *shared::IpAddress::parse("198.51.100.7");
  return request;
}

TEST(Explain, FollowsTheCodeThatServes) {
  DecideWorld world;
  const Pool& web = world.add_pool("web", Algorithm::round_robin, {1});
  world.add_route("/", web.id);
  const auto said = [&](const std::string& path) {
    const auto made = explain(*world.snapshot(), world.live, request_for(path), {.now = world.now});
    return made.has_value() ? to_text(*made) : "error: " + made.error().message;
  };
  EXPECT_TRUE(has(said("/x"), "answer: route r0, pool web, server web0")) << said("/x");
  world.server(world.pools[0], 0).state.set_health(shared::HealthState::down);
  EXPECT_TRUE(has(said("/x"), "tried all the same: server web0"));
  world.pools[0].when_all_down = WhenAllDown::refuse;
  EXPECT_TRUE(has(said("/x"), "503: no usable server"));
  EXPECT_TRUE(has(said("/%00"), "answer: 400"));
  EXPECT_TRUE(has(said("/.meridian/health"), "answer: the page of the region's health"));
  EXPECT_TRUE(said("/ HTTP/1.1\r\n").starts_with("error: "));
}

TEST(Explain, TellsOfPanicAndBreakers) {
  DecideWorld world;
  Pool& web = world.add_pool("web", Algorithm::round_robin, {1});
  web.breaker = {.mode = shared::Mode::enforce, .failures = 1};
  world.add_route("/", web.id);
  ServerLive& server = world.server(web, 0);
  server.breaker.leave({}, BreakerOutcome::failure, web.breaker, world.now, 1, server.state);
  const auto said = [&] {
    return to_text(*explain(*world.snapshot(), world.live, request_for("/"), {.now = world.now}));
  };
  EXPECT_TRUE(has(said(), "503: no usable server")) << said();
  world.live.pool(web.slot).panic = true;
  EXPECT_TRUE(has(said(), "panic: ")) << said();
  EXPECT_TRUE(has(said(), "breaker: web0: open, and not asked in a panic")) << said();
  EXPECT_TRUE(has(said(), "pool web, server web0")) << said();
}

TEST(Explain, SaysWhatAFullPoolDoes) {
  DecideWorld world;
  Pool& web = world.add_pool("web", Algorithm::round_robin, {1});
  web.bounded = true;
  web.servers[0].max_in_flight = 1;
  world.add_route("/", web.id);
  PoolLive& live = world.live.pool(web.slot);
  const auto said = [&] {
    return to_text(*explain(*world.snapshot(), world.live, request_for("/"), {.now = world.now}));
  };
  EXPECT_TRUE(has(said(), "pool web, server web0")) << said();
  world.server(web, 0).in_flight = 1;
  EXPECT_TRUE(has(said(), "skip: web0: full")) << said();
  EXPECT_TRUE(has(said(), "503: all servers of the pool are full")) << said();
  web.queue = {.size = 10, .timeout = shared::milliseconds(250)};
  EXPECT_TRUE(has(said(), "answer: route r0, pool web, waits for a place, at most 250ms")) << said();
  live.waiting = 3;
  EXPECT_TRUE(has(said(), "queue: 3 wait for a place already")) << said();
  live.capacity = 1;
  live.in_flight = 1;
  web.shed = {.mode = shared::Mode::enforce, .from = {0.9}};
  EXPECT_TRUE(has(said(), "shed: 1 of 1 places are in use: the tier is refused")) << said();
  EXPECT_TRUE(has(said(), "503: the pool is nearly full, and the tier gives way")) << said();
  EXPECT_EQ(live.shed, 0U) << "what is only foreseen is not counted";
}

TEST(Explain, NobodyWaitsInAQueueForAServerThatIsDown) {
  DecideWorld world;
  Pool& web = world.add_pool("web", Algorithm::round_robin, {1});
  web.queue = {.size = 10, .timeout = shared::milliseconds(250)};
  web.when_all_down = WhenAllDown::refuse;
  world.add_route("/", web.id);
  world.server(web, 0).state.set_health(shared::HealthState::down);
  const std::string said = to_text(*explain(*world.snapshot(), world.live, request_for("/"), {.now = world.now}));
  EXPECT_TRUE(has(said, "answer: route r0, pool web, 503: ")) << said;
}

TEST(Explain, SaysWhatLimitsHaveLeftAndSpendsNothing) {
  DecideWorld world;
  world.add_pool("web", Algorithm::round_robin, {1});
  Route& route = world.add_route("/", PoolId{0});
  const auto add = [&](const std::string& name, std::uint32_t burst, shared::Mode mode) {
    const RateLimitSettings settings{.name = name, .mode = mode, .rate = 1, .burst = burst};
    route.limits.push_back(std::make_shared<RateLimit>(settings, std::make_shared<LimitLive>(4), 1));
  };
  add("tight", 1, shared::Mode::enforce);
  add("wide", 9, shared::Mode::enforce);
  add("tried", 0, shared::Mode::shadow);
  add("off", 0, shared::Mode::disabled);
  const auto snapshot = world.snapshot();
  const auto said = [&] { return *explain(*snapshot, world.live, request_for("/"), {.now = world.now}); };
  EXPECT_TRUE(has(to_text(said()), "limit: tight: 1 more at once")) << to_text(said());
  EXPECT_TRUE(has(to_text(said()), "limit: wide: 9 more at once")) << to_text(said());
  EXPECT_TRUE(has(to_text(said()), "limit: tried: 0 more at once, all of it again in 1000ms (shadow"))
      << to_text(said());
  EXPECT_TRUE(has(to_text(said()), "limit: off: is disabled")) << to_text(said());
  EXPECT_EQ(said().limit->name, "tight");
  BalanceState balance;
  Asker asker(snapshot, "/", "");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(said().status, 0) << "however often it is asked";
    EXPECT_EQ(asker.decide_in(world, balance).kind, Decision::Kind::pool);
  }
  EXPECT_EQ(said().status, 429);
  EXPECT_TRUE(said().limit->refused);
  EXPECT_EQ(said().reason, "over the limit 'tight'");
  EXPECT_EQ(asker.decide_in(world, balance).refusal.status, 429);
}

TEST(Explain, NamesTheListenerAndWhatItSpeaks) {
  DecideWorld world;
  world.add_pool("web", Algorithm::round_robin, {1});
  world.add_route("/", PoolId{0});
  world.settings.identity.node = "192.0.2.1";
  const auto any = shared::IpAddress::v4(0);
  std::vector<ListenPlan> listen(2);
  listen[0].where = {any, 80};
  listen[0].https_port = 443;
  listen[1].where = {any, 443};
  listen[1].protocol = Protocol::https;
  listen[1].index = 1;
  ExplainMoment moment{.now = world.now};
  moment.listen = listen;
  moment.virtual_host = [](std::size_t index, std::string_view name) {
    return std::to_string(index) + ".pem for " + std::string(name);
  };
  const auto said = [&](std::string scheme, std::uint16_t port) {
    ExplainedRequest request = request_for("/");
    request.scheme = std::move(scheme);
    request.port = port;
    return *explain(*world.snapshot(), world.live, request, moment);
  };
  EXPECT_EQ(said("http", 80).answer, "308 to https");
  EXPECT_EQ(said("http", 80).status, 308);
  const Explanation tls = said("https", 443);
  EXPECT_TRUE(has(to_text(tls), "listener: 0.0.0.0:443, which speaks https\n")) << to_text(tls);
  EXPECT_TRUE(has(to_text(tls), "certificate: 1.pem for shop.example\n")) << to_text(tls);
  EXPECT_EQ(tls.server, "web0");
  EXPECT_EQ(tls.node, "192.0.2.1");
  EXPECT_EQ(said("http", 443).kind, "no_listener");
  EXPECT_TRUE(has(said("http", 443).answer, "speaks https and not http"));
  EXPECT_TRUE(has(to_text(said("https", 8443)), "listener: none on port 8443")) << "something in front may lead there";
  EXPECT_EQ(said("https", 8443).server, "web0");
}

TEST(Explain, FramesTheRequestAsConnectionsDo) {
  DecideWorld world;
  world.settings.max_body = 10;
  world.add_pool("web", Algorithm::round_robin, {1});
  world.add_route("/", PoolId{0});
  const auto said = [&](const std::string& field) {
    ExplainedRequest request = request_for("/");
    request.method = "POST";
    request.headers = {field};
    return *explain(*world.snapshot(), world.live, request, {.now = world.now});
  };
  EXPECT_EQ(said("Content-Length: 10").server, "web0");
  EXPECT_EQ(said("Content-Length: 11").status, 413);
  EXPECT_EQ(said("Content-Length: +1").status, 400);
}

TEST(Explain, GoesOnBehindAPasswordThatIsRight) {
  DecideWorld world;
  world.add_pool("web", Algorithm::round_robin, {1});
  auto gate = std::make_shared<Gate>();
  AuthSettings settings;
  settings.name = settings.realm = "staff";
  settings.by = PasswordUsers{.users = {{"alice", "$2b$x"}}, .stand_in = "$2b$y"};
  gate->auth.push_back(std::make_shared<AuthPolicy>(settings, std::make_shared<AuthLive>(), CredentialKeys{}));
  world.add_route("/", PoolId{0}).gate = gate;
  ExplainedRequest request = request_for("/");
  EXPECT_EQ(explain(*world.snapshot(), world.live, request, {.now = world.now})->status, 401);
  request.headers = {"Authorization: Basic YWxpY2U6c2VjcmV0"};
  const auto said = explain(*world.snapshot(), world.live, request, {.now = world.now});
  EXPECT_EQ(said->answer, "if the password of alice is right (else 401): route r0, pool web, server web0");
  EXPECT_FALSE(has(to_text(*said), "secret"));
}

// A configuration, and the state of its servers, by chance.
class RandomWorld {
 public:
  explicit RandomWorld(std::uint32_t seed) : random_(seed) {
    const std::size_t pools = 1 + random_() % 3;
    for (std::size_t i = 0; i < pools; ++i) add_pool(i);
    for (std::size_t i = 1; i < pools; ++i) {
      if (one_in(4)) world.pools[i].effective = PoolId{0};
    }
    world.add_route("/", PoolId{0});
    for (std::size_t i = 0; i < 4; ++i) add_route(i);
  }

  void stir() {
    world.now += shared::milliseconds(random_() % 40000);
    for (const Pool& pool : world.pools) {
      world.live.pool(pool.slot).panic = one_in(5);
      for (std::size_t i = 0; i < pool.servers.size(); ++i) stir(pool, world.server(pool, i));
    }
  }
  // A path and a cookie that lead somewhere, or nowhere.
  std::string path() {
    constexpr std::string_view kPaths[] = {"/", "/p0/x", "/p1", "/p2/y", "/p3//z", "/.meridian/health", "/%00"};
    return std::string(kPaths[random_() % std::size(kPaths)]);
  }
  std::string cookie() {
    const Pool& pool = world.pools[random_() % world.pools.size()];
    if (!pool.sticky.enabled() || one_in(3)) return {};
    const std::string& set = pool.sticky.set_cookies[random_() % pool.sticky.set_cookies.size()];
    return "Cookie: " + set.substr(0, set.find(';'));
  }
  bool one_in(std::uint32_t n) { return random_() % n == 0; }

  DecideWorld world;

 private:
  void add_pool(std::size_t index) {
    std::vector<std::uint16_t> weights(1 + random_() % 6);
    for (auto& weight : weights) weight = static_cast<std::uint16_t>(1 + random_() % 4);
    Pool& pool = world.add_pool("pool" + std::to_string(index), kAlgorithms[random_() % 5], weights);
    if (one_in(2)) pool.when_all_down = WhenAllDown::refuse;
    pool.breaker.mode = one_in(3) ? shared::Mode::shadow : shared::Mode::enforce;
    pool.breaker.failures = 1;
    if (one_in(2)) pool.slow_start = shared::seconds(30);
    if (!one_in(2)) return;
    const shared::SipKey key{1, 2, 3};
    std::vector<std::string_view> names;
    for (const Server& server : pool.servers) names.push_back(server.name);
    StickySettings settings;
    settings.cookie = "S" + std::to_string(index);
    settings.keys = std::span(&key, 1);
    settings.while_draining = one_in(2);
    pool.sticky = make_sticky(settings, pool.name, names);
  }
  void add_route(std::size_t index) {
    Action action = PoolId{static_cast<std::uint32_t>(random_() % world.pools.size())};
    if (one_in(6)) action = Respond{.status = 204, .body = {}};
    if (one_in(6)) action = Redirect{.status = 302, .to = "/elsewhere"};
    Route& route = world.add_route("/p" + std::to_string(index), std::move(action));
    if (one_in(5)) route.allow = allow_list("192.0.2.0/24");
  }
  void stir(const Pool& pool, ServerLive& live) {
    constexpr shared::HealthState kStates[] = {shared::HealthState::unknown, shared::HealthState::up,
                                               shared::HealthState::degraded, shared::HealthState::down};
    const shared::HealthState health = kStates[random_() % 4];
    live.state.set_health(health, health == shared::HealthState::degraded ? 64 : kFullShare);
    live.state.set_draining(one_in(6));
    live.state.set_ejected(one_in(6));
    if (one_in(3)) live.state.set_slow_start(world.now - shared::seconds(random_() % 40));
    live.in_flight = random_() % 5;
    live.breaker.tick(pool.breaker, world.now, live.state);
    if (one_in(4)) live.breaker.leave({}, BreakerOutcome::failure, pool.breaker, world.now, random_(), live.state);
  }

  std::mt19937 random_;
};

// What explain's last line has to end with.
std::string expected(const Decision& decision) {
  switch (decision.kind) {
    case Decision::Kind::refused:
      return std::to_string(decision.refusal.status) + " " + std::string(decision.refusal.reason);
    case Decision::Kind::health_page:
      return {};
    case Decision::Kind::to_https:
      return "308 to https";
    case Decision::Kind::respond:
      return "respond 204";
    case Decision::Kind::redirect:
      return "redirect 302";
    case Decision::Kind::preflight:
      return "204";
    case Decision::Kind::password:
      return "right or wrong";
    case Decision::Kind::files:  // by no route of this world
    case Decision::Kind::pool:
      break;
  }
  const std::string pool = decision.at_pool.pool->name + ", ";
  if (decision.first.server == nullptr) return pool + "503: " + std::string(why_no_server(*decision.at_pool.pool));
  if (decision.at_pool.last_resort) return "tried all the same: server " + decision.first.server->name;
  return pool + "server " + decision.first.server->name;
}

TEST(Explain, SaysWhatTheRequestThenGets) {
  std::size_t served = 0;
  std::size_t last_resorts = 0;
  std::size_t probes = 0;
  std::size_t nobody = 0;
  std::size_t sessions = 0;
  for (std::uint32_t seed = 1; seed <= 150; ++seed) {
    RandomWorld random(seed);
    DecideWorld& world = random.world;
    const auto snapshot = world.snapshot();
    BalanceState balance(seed);
    for (int i = 0; i < 60; ++i) {
      if (i % 4 == 0) random.stir();
      ExplainedRequest request = request_for(random.path());
      const std::string cookie = random.cookie();
      if (!cookie.empty()) request.headers = {cookie};
      Asker asker(snapshot, request.path, cookie.empty() ? cookie : cookie + "\r\n");
      const auto said = explain(*asker.snapshot, world.live, request, {.now = world.now, .balance = balance});
      ASSERT_TRUE(said.has_value()) << said.error().message;
      const Decision decision = asker.decide_in(world, balance);
      ASSERT_TRUE(said->answer.ends_with(expected(decision))) << "seed " << seed << ", request " << i << ":\n"
                                                              << to_text(*said) << "but got: " << expected(decision);
      ASSERT_EQ(said->kind, name_of(decision.kind));
      ASSERT_EQ(said->server, decision.first.server != nullptr ? decision.first.server->name : "");
      ASSERT_EQ(said->route, decision.match.route != nullptr ? decision.match.route->name : "");
      if (decision.kind != Decision::Kind::pool) continue;
      served += decision.first.server != nullptr ? 1 : 0;
      nobody += decision.first.server == nullptr ? 1 : 0;
      last_resorts += decision.at_pool.last_resort ? 1 : 0;
      probes += decision.first.permit.kind == BreakerPermit::Kind::probe ? 1 : 0;
      sessions += decision.at_pool.session ? 1 : 0;
    }
  }
  // That all of it was met.
  EXPECT_GT(served, 2000U);
  EXPECT_GT(nobody, 50U);
  EXPECT_GT(last_resorts, 50U);
  EXPECT_GT(probes, 50U);
  EXPECT_GT(sessions, 100U);
}

}  // namespace
}  // namespace edge::test::explain_test
