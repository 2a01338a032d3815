#include "edge/load/build.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/edge/load/load.h"

namespace edge::build_test {
namespace {

using testing::Loaded;
using testing::with_regions;

const std::string kEdge = R"(  listen: [{address: "{edge}:8080"}, {address: "127.0.0.1:81"}]
  trusted_proxies: [10.0.0.0/8]
  tiers: {order: [free, gold], from: [{header: X-Tier}]}
  pools:
    web:
      balance: weighted_round_robin
      servers: {us: [{address: "10.0.0.1:80", weight: 2}, "a.internal:8080"], eu: ["10.1.0.1:80"]}
      health: {path: /health, interval: 1s, timeout: 1s}
    eu-only: {servers: {eu: ["10.1.0.2:80"]}, absent: chain}
    chain: {servers: {eu: ["10.1.0.3:80"]}, absent: web}
  routes:
    - {path: /a, pool: eu-only, tier: gold, share: 50%, timeout: {read: 1s}, response_headers: {add: {X-Two: "2"}}}
    - {path: /old, redirect: {to: /new}}
    - {path: /, pool: web, allow: [192.0.2.0/24]}
  timeout: {read: 30s, connect: 2s}
  response_headers: {set: {X-One: "1"}}
)";

std::optional<Built> build_for(Loaded& loaded, const std::string& region, Registry& registry) {
  return build({loaded.config, loaded.edge, region, loaded.config.regions[0].value.edges[0].value, 7}, registry,
               loaded.diagnostics);
}

TEST(Build, MakesTheSnapshotOfARegion) {
  Loaded loaded(with_regions(kEdge));
  ASSERT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
  Registry registry;
  const auto built = build_for(loaded, "us", registry);
  ASSERT_TRUE(built) << loaded.diagnostics.render();
  const Pool* web = built->servers.pools->find("web");
  ASSERT_NE(web, nullptr);
  ASSERT_EQ(web->servers.size(), 2u);
  EXPECT_EQ(std::get<Sequence>(web->selector).order.size(), 3u);
  EXPECT_EQ(built->servers.addresses->of(web->servers[0].id).front().to_string(), "10.0.0.1:80");
  EXPECT_TRUE(built->servers.addresses->of(web->servers[1].id).empty());
  ASSERT_EQ(built->servers.names.size(), 1u);
  EXPECT_EQ(built->servers.names[0].host, "a.internal");
  EXPECT_EQ(built->servers.names[0].port, 8080);
  ASSERT_EQ(built->servers.health_targets.size(), 2u);
  EXPECT_EQ(built->servers.health_targets[0].checks.at(0).path, "/health");
  EXPECT_EQ(built->servers.last_server, ServerId{1});
  ASSERT_EQ(built->listen.size(), 2u);
  EXPECT_EQ(built->listen[0].where.to_string(), "192.0.2.11:8080");
}

TEST(Build, AbsentPoolsStandForOthersAlongAChain) {
  Loaded loaded(with_regions(kEdge));
  Registry registry;
  const auto us = build_for(loaded, "us", registry);
  ASSERT_TRUE(us);
  EXPECT_EQ(us->servers.pools->effective(us->servers.pools->find("eu-only")->id).name, "web");
  const auto eu = build_for(loaded, "eu", registry);
  ASSERT_TRUE(eu);
  EXPECT_EQ(eu->servers.pools->effective(eu->servers.pools->find("eu-only")->id).name, "eu-only");
}

TEST(Build, RoutesInheritTimesAndRules) {
  Loaded loaded(with_regions(kEdge));
  Registry registry;
  const auto built = build_for(loaded, "us", registry);
  ASSERT_TRUE(built);
  const Route& route = built->routes->all()[0];
  EXPECT_EQ(route.name, "/a tier=gold share=50%");
  EXPECT_EQ(route.timeouts.read, shared::seconds(1));
  EXPECT_EQ(route.timeouts.connect, shared::seconds(2));
  EXPECT_EQ(route.timeouts.send, shared::seconds(60));
  EXPECT_EQ(route.conditions.tiers, 2u);
  EXPECT_EQ(route.conditions.share, 0.5);
  ASSERT_EQ(route.response_rules.appended().size(), 2u);
  EXPECT_EQ(route.response_rules.appended()[0].name, "X-One");
  EXPECT_TRUE(std::holds_alternative<Redirect>(built->routes->all()[1].action));
  EXPECT_FALSE(built->routes->all()[2].allows(*shared::IpAddress::parse("192.0.3.1")));
  EXPECT_EQ(built->settings->response_rules.appended().size(), 1u);
  EXPECT_TRUE(built->settings->trusted_proxies.contains(*shared::IpAddress::parse("10.2.3.4")));
  EXPECT_EQ(built->tiers->header(), "X-Tier");
  EXPECT_EQ(built->settings->identity.node, "192.0.2.11");
  EXPECT_EQ(built->snapshot(3).generation, 3u);
}

TEST(Build, ServersKeepTheirIdsOverBuilds) {
  Loaded loaded(with_regions(kEdge));
  Registry registry;
  const auto first = build_for(loaded, "us", registry);
  const auto other = build_for(loaded, "eu", registry);
  const auto again = build_for(loaded, "us", registry);
  ASSERT_TRUE(first && other && again);
  EXPECT_EQ(first->servers.pools->find("web")->servers[1].id, again->servers.pools->find("web")->servers[1].id);
  EXPECT_NE(first->servers.pools->find("web")->servers[0].id, other->servers.pools->find("web")->servers[0].id);
}

TEST(Build, AuthoritiesThatCannotBeReadFailIt) {
  Loaded loaded(with_regions(
      "  listen: [{address: \"{edge}:80\"}]\n"
      "  pools: {web: {servers: [\"10.0.0.1:443\"], health: {kind: https, verify: true, ca_file: no.pem}}}\n"
      "  routes: [{path: /, pool: web}]\n"));
  ASSERT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
  Registry registry;
  EXPECT_FALSE(build_for(loaded, "us", registry));
  EXPECT_NE(loaded.diagnostics.render().find("health: ca_file: cannot read no.pem: No such file"), std::string::npos)
      << loaded.diagnostics.render();
}

TEST(Build, AKeyFileThatCannotBeReadFailsIt) {
  const std::string edge =
      "  listen: [{address: \"{edge}:80\"}]\n  tiers: {order: [free], from: [{api_key: no-such-file.txt}]}\n"
      "  routes: [{path: /, respond: {}}]\n";
  Loaded loaded(with_regions(edge));
  ASSERT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
  Registry registry;
  EXPECT_FALSE(build_for(loaded, "us", registry));
  EXPECT_NE(loaded.diagnostics.render().find("test.yaml:7:"), std::string::npos);
  EXPECT_NE(loaded.diagnostics.render().find("cannot read the key file no-such-file.txt: No such file"),
            std::string::npos)
      << loaded.diagnostics.render();
}

TEST(Build, GivesRoutesTheirLimitsAndKeepsWhatTheyCounted) {
  Loaded loaded(with_regions(R"(
  listen: [{address: "{edge}:8080"}]
  pools: {web: {servers: ["10.0.0.1:80"]}}
  limits:
    all: {rate: 1000/s, everywhere: true}
    api: {rate: 10/s, burst: 5, excess: delay, key: [client, {header: X-App}]}
  routes:
    - {path: /api, pool: web, limits: [api]}
    - {path: /, pool: web}
)"));
  ASSERT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
  Registry registry;
  const auto built = build_for(loaded, "us", registry);
  ASSERT_TRUE(built) << loaded.diagnostics.render();
  const auto names = [](const Route& route) {
    std::string text;
    for (const auto& limit : route.limits) text += limit->settings().name + " ";
    return text;
  };
  EXPECT_EQ(names(built->routes->all()[0]), "all api ");
  EXPECT_EQ(names(built->routes->all()[1]), "all ");
  const RateLimit& api = *built->routes->all()[0].limits[1];
  EXPECT_EQ(api.settings().excess, Excess::delay);
  EXPECT_EQ(api.allowance().capacity, 6 * api.allowance().interval);
  ASSERT_EQ(api.settings().key.size(), 2U);
  EXPECT_EQ(api.settings().key[1].name, "X-App");
  const auto again = build_for(loaded, "us", registry);
  ASSERT_TRUE(again);
  EXPECT_EQ(&again->routes->all()[0].limits[1]->live(), &api.live()) << "over reloads";
}

}  // namespace
}  // namespace edge::build_test
