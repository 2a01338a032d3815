#include "edge/load/config.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/edge/load/load.h"
#include "tests/support/paths.h"

namespace edge::config_test {
namespace {

using testing::Loaded;
using testing::with_regions;

const std::string kListen = "  listen: [{address: \"{edge}:8080\"}]\n";
const std::string kPools = "  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n";
const std::string kRoutes = "  routes: [{path: /, pool: web}]\n";

struct Bad {
  std::string edge;      // appended to, or in place of, what makes a section whole
  std::string expected;  // in the rendered diagnostics
};

std::string rendered(const std::string& edge) { return Loaded(with_regions(edge)).diagnostics.render(); }

TEST(EdgeConfig, TheLeastThatWorks) {
  const Loaded loaded(with_regions(kListen + kPools + kRoutes));
  EXPECT_EQ(loaded.diagnostics.render(), "");
  EXPECT_EQ(loaded.edge.client.max_fields, 100);
  EXPECT_EQ(loaded.edge.client.head_timeout, shared::seconds(10));
  ASSERT_NE(loaded.edge.pools[0].value.servers.in("us"), nullptr);
  EXPECT_EQ(loaded.edge.pools[0].value.servers.in("us")->front().weight, 1);
}

TEST(EdgeConfig, TheShopIsRight) {
  shared::load::Diagnostics diagnostics;
  const auto config = shared::load::load_config(::test::source_file("zones/shop.yaml"),
                                                shared::load::settings_for(shared::load::Role::edge), diagnostics);
  ASSERT_TRUE(config);
  const EdgeConfig edge = read_edge_config(*config, diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  EXPECT_EQ(edge.routes.size(), 6u);
  EXPECT_EQ(edge.pools.size(), 7u);
}

TEST(EdgeConfig, WhoMayIntroduceClients) {
  const auto section = [](const std::string& proxy) {
    return "  listen: [{address: \"{edge}:8080\", proxy_protocol: " + proxy + "}]\n" + kPools + kRoutes;
  };
  const Loaded loaded(with_regions(section("{from: [10.0.0.0/24, \"2001:db8::/64\"], others: refuse, timeout: 1s}")));
  EXPECT_EQ(loaded.diagnostics.render(), "");
  ASSERT_TRUE(loaded.edge.listen[0].proxy_protocol);
  EXPECT_EQ(loaded.edge.listen[0].proxy_protocol->from.size(), 2u);
  EXPECT_EQ(loaded.edge.listen[0].proxy_protocol->others, IntroductionRules::Others::refuse);
  EXPECT_EQ(loaded.edge.listen[0].proxy_protocol->timeout, shared::seconds(1));
  EXPECT_NE(rendered(section("{}")).find("from"), std::string::npos);
  EXPECT_NE(rendered(section("{from: []}")).find("takes a header from nobody"), std::string::npos);
  EXPECT_NE(rendered(section("{from: [0.0.0.0/0]}")).find("is everybody, who may then claim any address"),
            std::string::npos);
}

TEST(EdgeConfig, HowServersAreToldOfClientsAndHowLongTunnelsMayBeSilent) {
  const Loaded loaded(with_regions(kListen + "  pools: {web: {servers: [\"10.0.0.1:80\"], proxy_protocol: v2}}\n" +
                                   kRoutes + "  timeout: {tunnel: 5m}\n"));
  EXPECT_EQ(loaded.diagnostics.render(), "");
  EXPECT_EQ(loaded.edge.pools[0].value.proxy_protocol, shared::ProxyVersion::v2);
  EXPECT_EQ(loaded.edge.timeout.tunnel, std::chrono::minutes(5));
  EXPECT_NE(rendered(kListen + "  pools: {web: {servers: [\"10.0.0.1:80\"], proxy_protocol: v3}}\n" + kRoutes)
                .find("proxy_protocol"),
            std::string::npos);
}

TEST(EdgeConfig, TheWayToHttpsHasAPort) {
  const auto section = [](const std::string& more) {
    return "  listen: [{address: \"{edge}:8080\"" + more + "}]\n" + kPools + kRoutes;
  };
  const Loaded loaded(with_regions(section(", redirect_to_https: true, https_port: 8443")));
  EXPECT_EQ(loaded.diagnostics.render(), "");
  EXPECT_EQ(loaded.edge.listen[0].https_port, 8443);
  EXPECT_EQ(Loaded(with_regions(section(", redirect_to_https: true"))).edge.listen[0].https_port, 443);
  EXPECT_NE(rendered(section(", https_port: 8443")).find("https_port has no effect"), std::string::npos);
}

TEST(EdgeConfig, NoDatagramTellsOfItsClient) {
  const std::string listen =
      "  listen: [{address: \"{edge}:80\"}, {address: \"{edge}:53\", protocol: udp, pool: web}]\n";
  const std::string pools = "  pools: {web: {servers: [\"10.0.0.1:80\"], proxy_protocol: v2}}\n";
  EXPECT_NE(rendered(listen + pools + kRoutes).find("which no datagram carries"), std::string::npos);
}

TEST(EdgeConfig, ASectionMustBeThere) {
  EXPECT_NE(Loaded("service: shop\nregions: {us: {edges: [192.0.2.11]}}\n")
                .diagnostics.render()
                .find("there is no section `edge`"),
            std::string::npos);
}

TEST(EdgeConfig, EveryOptionIsReadAsWritten) {
  const Loaded loaded(with_regions(R"(  listen: [{address: "{edge}:8080", protocol: http}, {address: "[::1]:81"}]
  workers: 2
  trusted_proxies: [10.0.0.0/8]
  tiers: {order: [free, gold], default: gold, from: [{header: X-Tier}, {api_key: keys.txt}]}
  pools:
    web:
      balance: weighted_round_robin
      critical: true
      servers: {us: [{address: "a.internal:80", weight: 3}, "[2001:db8::1]:81"], eu: ["10.0.0.2:80"]}
      health: {path: "/h?x", host: a.b, status: 200-399, interval: 1s, timeout: 500ms, fall: 2, rise: 4}
      idle: {connections: 7, timeout: 9s}
    spare: {servers: {us: ["10.0.0.9:80"]}, absent: web, health: {kind: tcp}}
  routes:
    - {name: beta, host: "*.shop.example", path: =/login, tier: [gold], method: [GET, HEAD], header: {X-Beta: "1",
       X-Any: "*"}, cookie: {c: v}, share: 12.5%, pool: web, allow: [10.0.0.0/8],
       timeout: {connect: 1s, send: 2s, read: 3s},
       request_headers: {set: {A: b}, add: {C: d}, remove: [E]}, response_headers: {remove: [Server]}}
    - {path: /old, redirect: {to: "https://{host}{uri}", status: 308}}
    - {path: /ping, respond: {body: pong}}
    - {path: /spare/, pool: spare}
  client: {max_head: 16KiB, max_target: 4KiB, max_fields: 50, max_body: 1MiB, head_timeout: 5s}
  timeout: {read: 30s}
  response_headers: {set: {X-Frame-Options: DENY}}
  access_log: log/access.json
  drain_grace: 10s
)"));
  EXPECT_EQ(loaded.diagnostics.render(), "");
  const EdgeConfig& edge = loaded.edge;
  EXPECT_EQ(edge.tiers->from[0].source, TierSource::header);
  const PoolConfig& web = edge.pools[0].value;
  EXPECT_EQ(web.servers.in("us")->at(0).weight, 3);
  EXPECT_EQ(web.servers.in("us")->at(1).address, "[2001:db8::1]:81");
  ASSERT_EQ(web.health.size(), 1u);
  EXPECT_EQ(web.health[0].statuses[0].high, 399);
  EXPECT_EQ(edge.pools[1].value.absent->value, "web");
  const RouteConfig& beta = edge.routes[0];
  EXPECT_EQ(beta.methods.size(), 2u);
  EXPECT_EQ(beta.headers[0].value, "1");
  EXPECT_FALSE(beta.headers[1].value);
  EXPECT_EQ(beta.share, 12.5);
  ASSERT_EQ(beta.request_headers.rules.size(), 3u);
  EXPECT_EQ(beta.request_headers.rules[0].op, HeaderRule::Op::remove);
  EXPECT_EQ(edge.access_log, "log/access.json");
}

void expect_errors(const std::vector<Bad>& cases) {
  for (const Bad& bad : cases) {
    const std::string text = rendered(bad.edge);
    EXPECT_NE(text.find(bad.expected), std::string::npos) << bad.edge << "gave:\n" << text;
    EXPECT_NE(text.find("error: "), std::string::npos) << bad.edge;
  }
}

TEST(EdgeConfig, HostsInOtherScriptsHaveTheFormOfTheWire) {
  const Loaded loaded(
      with_regions(kListen + kPools + "  routes: [{path: /, host: \"*.b\u00fccher.example\", pool: web}]\n"));
  ASSERT_EQ(loaded.diagnostics.errors(), 0u) << loaded.diagnostics.render();
  EXPECT_EQ(loaded.edge.routes[0].host, "*.xn--bcher-kva.example");
  EXPECT_NE(loaded.diagnostics.render().find("test.yaml:8:28: warning: '*.b\u00fccher.example' is not ASCII"),
            std::string::npos)
      << loaded.diagnostics.render();
  expect_errors({{kListen + kPools + "  routes: [{path: /, host: \"-\u00fc.example\", pool: web}]\n", "IDNA2008"}});
}

TEST(EdgeConfig, WrongPathsAndHosts) {
  expect_errors({
      {kListen + kPools + "  routes: [{path: /, pool: wbe}]\n",
       "test.yaml:8:28: error: unknown pool 'wbe' (did you mean 'web'?)"},
      {kListen + kPools + "  routes: [{path: /, pool: web, tier: gold}]\n", "unknown tier 'gold'"},
      {kListen + kPools + "  routes: [{path: /}]\n", "a route has exactly one of pool, respond, redirect and files"},
      {kListen + kPools + "  routes: [{path: /, pool: web, respond: {}}]\n", "a route has exactly one of pool"},
      {kListen + kPools + "  routes: [{path: /, pool: web}, {path: /, pool: web, method: GET}]\n",
       "is never reached: the route at test.yaml:8:12"},
      {kListen + kPools + "  routes: [{path: /a/, pool: web}, {path: /a, pool: web}]\n", "route '/a' is never reached"},
      {kListen + kPools +
           "  routes: [{path: /, method: [PUT, GET], pool: web}, {path: /, method: [GET, PUT], pool: web}]\n",
       "is never reached"},
      {kListen + kPools + "  routes: [{path: /a/../b, pool: web}]\n", "a normalised path"},
      {kListen + kPools + "  routes: [{path: //a, pool: web}]\n", "a normalised path"},
      {kListen + kPools + "  routes: [{path: /%61, pool: web}]\n", "a normalised path"},
      {kListen + kPools + "  routes: [{path: a, pool: web}]\n", "a normalised path"},
      {kListen + kPools + "  routes: [{path: \"/?a\", pool: web}]\n", "a normalised path"},
      {kListen + kPools + "  routes: [{path: /, host: Shop.Example, pool: web}]\n", "a host in lower case"},
  });
}

TEST(EdgeConfig, WrongConditionsAndActions) {
  expect_errors({
      {kListen + kPools + "  routes: [{path: /, host: \"a*.b\", pool: web}]\n", "a host in lower case"},
      {kListen + kPools + "  routes: [{path: /, share: 0%, pool: web}]\n",
       "a route with 0% of the traffic is never used"},
      {kListen + kPools + "  routes: [{path: /, allow: [], pool: web}]\n", "an empty list lets nobody in"},
      {kListen + kPools + "  routes: [{path: /, method: get, pool: web}]\n", "'get'"},
      {kListen + kPools + "  routes: [{path: /, header: {\"X Y\": \"1\"}, pool: web}]\n", "'X Y' is not a valid name"},
      {kListen + kPools + "  routes: [{path: /, redirect: {to: \"ftp://x\"}}]\n", "a URL or path"},
      {kListen + kPools + "  routes: [{path: /, redirect: {to: \"https://{hots}/\"}}]\n", "a URL or path"},
      {kListen + kPools + "  routes: [{path: /, redirect: {to: \"/a\", status: 305}}]\n", "status 305 is none of"},
      {kListen + kPools + "  routes: [{path: /, pool: web, response_headers: {set: {Content-Length: \"1\"}}}]\n",
       "no rule may touch it"},
      {kListen + kPools + "  routes: [{path: /, pool: web, response_headers: {set: {A: \"b\\r\\nC: d\"}}}]\n",
       "control character"},
      {kListen + kPools + "  routes: [{path: /, pool: web, response_headers: {sett: {A: b}}}]\n",
       "unknown key 'sett' (did you mean 'set'?)"},
      {kListen + kPools + "  routes: [{path: /, pool: web, request_headers: {remove: [Host]}}]\n",
       "Host cannot be removed"},
      {kListen + kPools + "  routes: [{name: a, path: /a, pool: web}, {name: a, path: /b, pool: web}]\n",
       "there is already a route 'a'"},
  });
}

TEST(EdgeConfig, PatternsInPathsAreShownAsPrefixes) {
  expect_errors({
      {kListen + kPools + "  routes: [{path: \"/api/*\", pool: web}]\n",
       "'/api/*' looks like a pattern, and a path is none: it matches all below itself; write /api/\n"},
      {kListen + kPools + "  routes: [{path: \"/api/.*\", pool: web}]\n", "write /api/\n"},
      {kListen + kPools + "  routes: [{path: \"^/api/v[12]/\", pool: web}]\n", "write /api/\n"},
      {kListen + kPools + "  routes: [{path: \"~ /img\", pool: web}]\n", "write /\n"},
      {kListen + kPools + "  routes: [{path: \"/users/{id}/cart\", pool: web}]\n", "write /users/\n"},
      {kListen + kPools + "  routes: [{path: \"/users/:id\", pool: web}]\n", "write /users/\n"},
      {kListen + kPools + "  routes: [{path: \"*\", pool: web}]\n", "write /\n"},
  });
}

TEST(EdgeConfig, RoutesThatCannotBeServed) {
  expect_errors({
      {kListen + kPools + "  routes: [{path: /.meridian/x, pool: web}, {path: /, pool: web}]\n",
       "/.meridian/x is reserved"},
      {kListen + kPools + "  routes: [{path: =/.meridian/health, pool: web}, {path: /, pool: web}]\n", "is reserved"},
      {kListen + kPools + "  routes: [{path: /, respond: {status: 204, body: none}}]\n", "a 204 has no body"},
      {kListen + kPools + "  routes: [{path: /, respond: {status: 304, body: none}}]\n", "a 304 has no body"},
  });
  EXPECT_EQ(rendered(kListen + kPools + "  routes: [{path: /.meridians, pool: web}, {path: /, pool: web}]\n"), "");
  EXPECT_EQ(rendered(kListen + kPools + "  routes: [{path: /x, respond: {status: 204}}, {path: /, pool: web}]\n"), "");
}

TEST(EdgeConfig, ProtocolsThatAreNotSpokenAreNoSlipsOfThePen) {
  for (const std::string name : {"tls", "h2", "grpc"}) {
    const std::string text =
        rendered("  listen: [{address: \"{edge}:80\", protocol: " + name + "}]\n" + kPools + kRoutes);
    EXPECT_NE(text.find("'" + name + "' is not spoken by this version"), std::string::npos) << text;
    EXPECT_EQ(text.find("did you mean"), std::string::npos) << text;
  }
}

TEST(EdgeConfig, ListenersOfAPoolAreRead) {
  const std::string listen = R"(  listen:
    - {address: "{edge}:80"}
    - {address: "{edge}:6379", protocol: tcp, pool: web, allow: [10.0.0.0/8], timeout: {connect: 1s, idle: 1h}}
    - {address: "{edge}:443", protocol: tcp, sni: [{name: [a.example, "*.b.example"], pool: web}]}
    - {address: "{edge}:443", protocol: udp, pool: web, max_sessions: 10}
)";
  Loaded loaded(with_regions(listen + kPools + kRoutes));
  ASSERT_EQ(loaded.diagnostics.render(), "");
  ASSERT_EQ(loaded.edge.listen.size(), 4U);
  EXPECT_EQ(loaded.edge.listen[1].protocol, Protocol::tcp);
  EXPECT_EQ(loaded.edge.listen[1].pool->value, "web");
  EXPECT_EQ(loaded.edge.listen[1].timeout.idle, std::chrono::hours(1));
  EXPECT_EQ(loaded.edge.listen[2].sni.at(0).names.at(1).value, "*.b.example");
  EXPECT_EQ(loaded.edge.listen[3].max_sessions, 10U);
}

TEST(EdgeConfig, WrongListenersOfAPool) {
  const auto with = [](const std::string& listener) {
    return "  listen: [{address: \"{edge}:80\"}, " + listener + "]\n" + kPools + kRoutes;
  };
  expect_errors({
      {with("{address: \"{edge}:1\", protocol: tcp}"), "protocol: tcp needs a pool, or sni"},
      {with("{address: \"{edge}:1\", protocol: udp}"), "protocol: udp needs a pool"},
      {with("{address: \"{edge}:1\", pool: web}"), "pool has no effect: it is for protocol: tcp or udp"},
      {with("{address: \"{edge}:1\", protocol: tcp, pool: wbe}"), "unknown pool 'wbe' (did you mean 'web'?)"},
      {with("{address: \"{edge}:1\", protocol: tcp, sni: [{name: a, pool: wbe}]}"), "unknown pool 'wbe'"},
      {with("{address: \"{edge}:1\", protocol: tcp, sni: [{name: [a, a], pool: web}]}"), "'a' already has a pool"},
      {with("{address: \"{edge}:1\", protocol: udp, pool: web, sni: [{name: a, pool: web}]}"), "has no server name"},
      {with("{address: \"{edge}:1\", protocol: tcp, pool: web, max_sessions: 1}"), "it is for protocol: udp"},
      {with("{address: \"{edge}:1\", protocol: tcp, pool: web, allow: []}"), "lets nobody in"},
      {with("{address: \"{edge}:80\", protocol: tcp, pool: web}"), "already listened on"},
  });
}

TEST(EdgeConfig, WhatCouldNotBeReadIsNotSaidToStandTwice) {
  const std::string text = rendered("  listen: [{address: nowhere}, {address: elsewhere}]\n" + kPools + kRoutes);
  EXPECT_EQ(text.find("already listened on"), std::string::npos) << text;
}

TEST(EdgeConfig, WrongPools) {
  expect_errors({
      {kListen + "  pools: {web: {servers: [\"10.0.0.1\"]}}\n" + kRoutes,
       "an address and a port such as 10.0.1.10:8080"},
      {kListen + "  pools: {web: {servers: [\"10.0.0.1:0\"]}}\n" + kRoutes, "an address and a port"},
      {kListen + "  pools: {web: {servers: []}}\n" + kRoutes, "pool 'web' has no server anywhere"},
      {kListen + "  pools: {web: {servers: {eux: [\"10.0.0.1:80\"], us: [\"10.0.0.1:80\"]}}}\n" + kRoutes,
       "unknown region 'eux' (did you mean 'eu'?)"},
      {kListen + "  pools: {web: {critical: true, servers: {us: [\"10.0.0.1:80\"]}}}\n" + kRoutes,
       "that region would always be down"},
      {kListen + "  pools: {web: {servers: [\"10.0.0.1:80\", \"10.0.0.1:80\"]}}\n" + kRoutes,
       "is already in this list"},
      {kListen + "  pools: {web: {servers: [{address: \"10.0.0.1:80\", weight: 2}]}}\n" + kRoutes,
       "use weighted_round_robin"},
      {kListen + "  pools: {web: {servers: [{address: \"10.0.0.1:80\", weight: 0}]}}\n" + kRoutes, "weight"},
      {kListen + "  pools: {web: {balance: quickest, servers: [\"10.0.0.1:80\"]}}\n" + kRoutes, "'quickest'"},
      {kListen + "  pools: {web: {mirror: {}, servers: [\"10.0.0.1:80\"]}}\n" + kRoutes, "unknown key 'mirror'"},
      {kListen + "  pools: {web: {servers: [\"10.0.0.1:80\"], health: {interval: 1s, timeout: 2s}}}\n" + kRoutes,
       "checks would overlap"},
      {kListen + "  pools: {web: {servers: [\"10.0.0.1:80\"], health: {status: 99}}}\n" + kRoutes,
       "a status or a range"},
      {kListen + "  pools: {web: {servers: [\"10.0.0.1:80\"], absent: wbe}}\n" + kRoutes, "unknown pool 'wbe'"},
      {kListen +
           "  pools: {web: {servers: [\"10.0.0.1:80\"], absent: api}, api: {servers: [\"10.0.0.1:80\"], absent: "
           "web}}\n" +
           kRoutes,
       "pool 'web' would stand in for itself"},
  });
}

TEST(EdgeConfig, WrongSectionsTiersAndLimits) {
  expect_errors({
      {kListen + kPools + kRoutes + "  worker: 2\n",
       "test.yaml:9:3: error: unknown key 'worker' (did you mean 'workers'?)"},
      {"  listen: []\n" + kPools + kRoutes, "listen: there must be at least one address"},
      {kPools + kRoutes, "the key 'listen' is missing"},
      {kListen + kPools, "the key 'routes' is missing"},
      {kListen + kPools + "  routes: []\n", "routes: there must be at least one route"},
      {"  listen: [{address: \"{edge}:80\"}, {address: \"{edge}:80\"}]\n" + kPools + kRoutes,
       "is already listened on (test.yaml:6:22)"},
      {"  listen: [{address: \"{edge}:80\", protocol: https}]\n" + kPools + kRoutes,
       "protocol https needs `certificates:"},
      {kListen + kPools + kRoutes + "  tiers: {order: [a, a], from: []}\n", "tier 'a' stands twice"},
      {kListen + kPools + kRoutes + "  tiers: {order: [a], default: b, from: []}\n", "unknown tier 'b'"},
      {kListen + kPools + kRoutes + "  tiers: {order: [a], from: [{header: X-T}]}\n",
       "nobody is believed: trusted_proxies is empty"},
      {kListen + kPools + kRoutes + "  tiers: {order: [a], from: [{cookie: t}]}\n", "unknown key 'cookie'"},
      {kListen + kPools + kRoutes + "  tiers: {order: [a], from: [{header: Host}]}\n", "already has a meaning"},
      {kListen + kPools + kRoutes + "  client: {max_head: 1MiB}\n", "max_head"},
      {kListen + kPools + kRoutes + "  client: {max_fields: 101}\n", "max_fields"},
  });
}

TEST(EdgeConfig, AllErrorsAreSaidAtOnce) {
  const Loaded loaded(with_regions(kListen + "  pools: {web: {servers: [\"10.0.0.1:80\"], blance: x}}\n" +
                                   "  routes: [{path: /, pool: wbe}, {path: b, pool: web}]\n  wrkers: 1\n"));
  EXPECT_EQ(loaded.diagnostics.errors(), 4u) << loaded.diagnostics.render();
}

TEST(EdgeConfig, DoubtsAreWarnings) {
  for (const Bad& doubt : std::vector<Bad>{
           {kListen + "  pools: {web: {servers: {us: [\"10.0.0.1:80\"]}}}\n" + kRoutes,
            "has no server in region 'eu' and absent: fail"},
           {kListen + "  pools: {web: {servers: [\"10.0.0.1:80\"]}, x: {servers: [\"10.0.0.1:80\"]}}\n" + kRoutes,
            "pool 'x' is used by no route"},
           {kListen + "  pools: {web: {servers: [\"10.0.0.1:80\"], health: {kind: tcp, path: /x}}}\n" + kRoutes,
            "path has no meaning for kind tcp"},
           {kListen + "  routes: [{path: /, respond: {}, timeout: {read: 1s}}]\n",
            "timeout has no meaning without a pool"},
           {kListen + "  routes: [{path: /, respond: {}, compression: {}}]\n",
            "compression has no meaning without a pool or files"},
       }) {
    const Loaded loaded(with_regions(doubt.edge));
    EXPECT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
    EXPECT_NE(loaded.diagnostics.render().find(doubt.expected), std::string::npos) << loaded.diagnostics.render();
  }
}

TEST(EdgeConfig, Protections) {
  const Loaded loaded(with_regions(kListen + R"(  pools:
    web:
      servers: ["10.0.0.1:80", "10.0.0.2:80"]
      health:
        - {name: live, kind: tcp, interval: 1s, timeout: 1s}
        - {name: deep, kind: https, port: 8443, path: /deep, status: [200, 204-206], contains: ready, jitter: 20%,
           degraded_when: {cpu_usage: "> 90", queue.depth: ">=1000"}, unhealthy_when: {disk.free: "< 2.5"}}
      degraded_share: 10%
      panic: 50%
      bad_statuses: [500, 502-504]
      ejection: {error_rate: 40%, max_ejected: 30%, mode: shadow}
      breaker: {failures: 7, open: 10s}
      retry: {attempts: 2, budget: 5%, buffer: 4KiB, hedge: {mode: enforce, quantile: 99%, min_delay: 5ms}}
  timeout: {try: 500ms, total: 2s}
)" + kRoutes));
  EXPECT_EQ(loaded.diagnostics.render(), "");
  const PoolConfig& web = loaded.edge.pools[0].value;
  ASSERT_EQ(web.health.size(), 2u);
  EXPECT_EQ(web.health[0].kind, HealthCheck::Kind::tcp);
  const HealthCheck& deep = web.health[1];
  EXPECT_EQ(deep.kind, HealthCheck::Kind::https);
  EXPECT_EQ(deep.statuses, (std::vector<StatusRange>{{200, 200}, {204, 206}}));
  EXPECT_DOUBLE_EQ(deep.jitter, 0.2);
  ASSERT_EQ(deep.degraded_when.size(), 2u);
  EXPECT_EQ(to_string(deep.degraded_when[1]), "queue.depth >= 1000");
  EXPECT_EQ(deep.degraded_when[1].path, (std::vector<std::string>{"queue", "depth"}));
  EXPECT_EQ(to_string(deep.unhealthy_when.at(0)), "disk.free < 2.5");
  EXPECT_DOUBLE_EQ(web.degraded_share, 0.1);
  EXPECT_EQ(web.bad_statuses.size(), 2u);
  EXPECT_EQ(web.ejection->mode, shared::Mode::shadow);
  EXPECT_EQ(web.breaker->mode, shared::Mode::enforce);
  EXPECT_EQ(web.breaker->failures, 7);
  EXPECT_EQ(web.retry.hedge.mode, shared::Mode::enforce);
  EXPECT_EQ(web.retry.buffer, 4096u);
  EXPECT_EQ(*loaded.edge.timeout.total, shared::seconds(2));
}

TEST(EdgeConfig, LimitsOfNumbersAreChecked) {
  const auto with = [](const std::string& rules) {
    return rendered(kListen + "  pools: {web: {servers: [\"10.0.0.1:80\"], health: {" + rules + "}}}\n" + kRoutes);
  };
  for (const char* bad :
       {"degraded_when: {cpu: 90}", "degraded_when: {cpu: \"> ninety\"}", "degraded_when: {cpu: \">\"}",
        "degraded_when: {a..b: \"> 1\"}", "degraded_when: {cpu: \"> 1.2.3\"}"}) {
    EXPECT_NE(with(bad).find("a limit such as"), std::string::npos) << bad << with(bad);
  }
  EXPECT_NE(with("unhealthy_when: {cpu_usage: \"> 95\"}").find("use degraded_when"), std::string::npos);
  EXPECT_EQ(with("unhealthy_when: {memory_usage: \"> 95\"}"), "");
}

TEST(EdgeConfig, CertificatesOfChecks) {
  const auto with = [](const std::string& check) {
    return rendered(kListen + "  pools: {web: {servers: [\"10.0.0.1:80\"], health: {" + check + "}}}\n" + kRoutes);
  };
  EXPECT_EQ(with("kind: https, verify: true, ca_file: ca.pem, server_name: web.internal"), "");
  EXPECT_EQ(with("kind: https, server_name: web.internal"), "");
  EXPECT_NE(with("kind: http, verify: true").find("verify has no effect: kind is not https"), std::string::npos);
  EXPECT_NE(with("kind: tcp, server_name: a").find("server_name has no effect"), std::string::npos);
  EXPECT_NE(with("kind: https, ca_file: ca.pem").find("ca_file has no effect"), std::string::npos);
}

}  // namespace
}  // namespace edge::config_test
