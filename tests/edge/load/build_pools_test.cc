#include "edge/load/build_pools.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/edge/load/load.h"

namespace edge::build_pools_test {
namespace {

using testing::edge_with;
using testing::Loaded;
using testing::with_regions;

const ServerSource kName{ServerSource::Kind::dns, "backend.internal", 8080};
const ServerSource kService{ServerSource::Kind::srv, "_http._tcp.backend.internal", 0};

FoundServer at(const std::string& address) {
  return {.host = address, .port = 8080, .addresses = {*shared::IpAddress::parse(address)}};
}

FoundServer record(const std::string& target, std::uint16_t port, std::uint16_t priority, std::uint16_t weight) {
  return {
      target, port, weight, priority, {*shared::IpAddress::parse("10.0.0.1"), *shared::IpAddress::parse("10.0.0.2")}};
}

class Sources : public ::testing::Test {
 protected:
  const Pool& build(const std::string& pool, const PoolInputs& inputs, const std::string& region = "us") {
    Loaded loaded(with_regions(edge_with(pool)));
    parts_ = build_pools(loaded.edge, {"shop", region}, inputs, ids_, loaded.diagnostics);
    EXPECT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
    return *parts_.pools->find("web");
  }
  [[nodiscard]] static std::vector<std::string> names(const Pool& pool) {
    std::vector<std::string> out;
    for (const Server& server : pool.servers) out.push_back(server.name);
    return out;
  }

  PoolRegistry ids_;
  PoolParts parts_;
};

TEST_F(Sources, BeforeTheFirstAnswerThereIsNoServerAndSomethingToFollow) {
  const Pool& pool = build("{servers: {dns: backend.internal, port: 8080}}", {});
  EXPECT_TRUE(pool.servers.empty());
  EXPECT_EQ(pool.sources, std::vector{kName});
  EXPECT_EQ(parts_.sources, std::set{kName});
  EXPECT_EQ(why_no_server(pool), "the DNS has not named the pool's servers yet");
}

TEST_F(Sources, EachAddressIsAServer) {
  const Pool& pool = build(
      "{servers: [{dns: backend.internal, port: 8080, weight: 3}], balance: least_connections, health: {path: /}}",
      {.weights = {{{"web", "10.0.0.2:8080"}, 7}},
       .found = {{kName, {at("10.0.0.1"), at("10.0.0.2"), at("2001:db8::1")}}}});
  EXPECT_EQ(names(pool), (std::vector<std::string>{"10.0.0.1:8080", "10.0.0.2:8080", "[2001:db8::1]:8080"}));
  EXPECT_EQ(pool.servers[0].weight, 3);
  EXPECT_EQ(pool.servers[1].weight, 7);  // an operator's
  EXPECT_EQ(parts_.addresses->of(pool.servers[2].id).front().to_string(), "[2001:db8::1]:8080");
  EXPECT_TRUE(parts_.names.empty());
  ASSERT_EQ(parts_.health_targets.size(), 3U);
  EXPECT_EQ(parts_.health_targets[1].server, "10.0.0.2:8080");
  EXPECT_EQ(parts_.health_targets[1].host, "backend.internal:8080");
}

TEST_F(Sources, ServersThatStayKeepTheirIds) {
  const std::string text = "{servers: {dns: backend.internal, port: 8080}}";
  const ServerId stays = build(text, {.found = {{kName, {at("10.0.0.1"), at("10.0.0.2")}}}}).servers[1].id;
  const Pool& pool = build(text, {.found = {{kName, {at("10.0.0.2"), at("10.0.0.3")}}}});
  EXPECT_EQ(pool.servers[0].id, stays);
  EXPECT_NE(pool.servers[1].id, stays);
}

TEST_F(Sources, RecordsBringPortWeightAndPriority) {
  const Pool& pool =
      build("{servers: {srv: _http._tcp.backend.internal}, balance: weighted_round_robin, health: {path: /}}",
            {.found = {{kService,
                        {record("b.internal", 81, 10, 0), record("a.internal", 80, 10, 1000),
                         record("a.internal", 81, 10, 250), record("spare.internal", 80, 20, 5),
                         record("a.internal", 80, 20, 9)}}}});
  EXPECT_EQ(names(pool),
            (std::vector<std::string>{"b.internal:81", "a.internal:80", "a.internal:81", "spare.internal:80"}));
  EXPECT_EQ(pool.servers[0].weight, 1);
  EXPECT_EQ(pool.servers[1].weight, kMaxWeight);
  EXPECT_EQ(pool.servers[2].weight, kMaxWeight / 4);
  EXPECT_EQ(pool.servers[3].weight, 5);  // small ones are taken as they are
  EXPECT_EQ(pool.spares.size(), 1U);     // of priority 20
  EXPECT_EQ(parts_.addresses->of(pool.servers[1].id).size(), 2U);
  EXPECT_EQ(parts_.health_targets[1].host, "a.internal:80");
}

TEST_F(Sources, SourcesAndServersStandInOneListAndNobodyTwice) {
  const Pool& pool = build(
      "{servers: [{dns: backend.internal, port: 8080}, 10.0.0.1:8080, {srv: _http._tcp.backend.internal, priority: "
      "1}]}",
      {.found = {{kName, {at("10.0.0.1"), at("10.0.0.2")}}, {kService, {record("a.internal", 80, 0, 0)}}}});
  EXPECT_EQ(names(pool), (std::vector<std::string>{"10.0.0.2:8080", "10.0.0.1:8080", "a.internal:80"}));
  EXPECT_EQ(pool.spares.size(), 1U);
}

TEST_F(Sources, RegionsHaveTheirOwn) {
  const std::string text = "{servers: {us: {dns: backend.internal, port: 8080}, eu: [10.1.0.1:80, 10.1.0.2:80]}}";
  EXPECT_EQ(build(text, {}).sources.size(), 1U);
  EXPECT_EQ(build(text, {}, "eu").servers.size(), 2U);
}

struct Mistake {
  const char* servers;
  const char* message;
};

TEST(SourcesConfig, MistakesAreTold) {
  const Mistake mistakes[] = {
      {"{dns: backend.internal}", "port is missing"},
      {"[{dns: 10.0.0.1, port: 80}]", "stands under `address`"},
      {"[{dns: a b, port: 80}]", "backend.internal"},
      {"[{dns: a.internal, srv: _http._tcp.x, port: 80}]", "not two"},
      {"[{weight: 2}]", "the key 'address' is missing"},
      {"[{address: \"10.0.0.1:80\", port: 80}]", "port has no effect"},
      {"[{srv: _http._tcp.x, port: 80}]", "port has no effect"},
      {"[{srv: _http._tcp.x, weight: 80}]", "weight has no effect"},
      {"[{srv: http.x}]", "_http._tcp.backend.internal"},
      {"[{srv: _http._tcp}]", "_http._tcp.backend.internal"},
      {"[{srv: _http._tcp.x}, {srv: _http._tcp.x}]", "already in this list"},
      {"[{dns: a, port: 80, weight: 2}]", "weight has no effect with balance: round_robin"},
      {"[{dns: a, port: 0}]", "1"},
  };
  for (const Mistake& mistake : mistakes) {
    const Loaded loaded(with_regions(edge_with(std::string("{servers: ") + mistake.servers + "}")));
    EXPECT_TRUE(loaded.diagnostics.failed()) << mistake.servers;
    EXPECT_NE(loaded.diagnostics.render().find(mistake.message), std::string::npos)
        << mistake.servers << ": " << loaded.diagnostics.render();
  }
}

TEST(SourcesConfig, ResolversAreListed) {
  const Loaded loaded(with_regions("  resolvers: [\"127.0.0.1:5353\"]\n" + edge_with("{servers: {dns: a, port: 1}}")));
  EXPECT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
  ASSERT_EQ(loaded.edge.resolvers.size(), 1U);
  EXPECT_EQ(loaded.edge.resolvers[0].value.to_string(), "127.0.0.1:5353");
}

TEST_F(Sources, TlsIsTheSameObjectAsLongAsNothingInItChanges) {
  const std::string over_tls = "{servers: [10.0.0.1:443], tls: {server_name: web.internal}, health: {path: /}}";
  const auto first = build(over_tls, {}).tls.client;
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(build(over_tls, {}).tls.client, first);
  EXPECT_EQ(parts_.health_targets.front().checks.front().kind, HealthCheck::Kind::https) << "as requests do";
  EXPECT_EQ(parts_.health_targets.front().tls, first);
  const Pool& other = build(R"({servers: [10.0.0.1:443], tls: {server_name: "{host}"}, health: {port: 8080}})", {});
  EXPECT_NE(other.tls.client, first);
  EXPECT_TRUE(other.tls.asks_for_requests_host);
  EXPECT_EQ(parts_.health_targets.front().checks.front().kind, HealthCheck::Kind::http) << "of a port of its own";
  EXPECT_FALSE(build("{servers: [10.0.0.1:443]}", {}).tls.enabled());
}

TEST_F(Sources, EachServerHasItsBoundOrThePools) {
  PoolInputs inputs;
  inputs.found[kName] = {at("10.0.0.1")};
  const Pool& web = build(
      "{max_in_flight: 10, servers: [{dns: backend.internal, port: 8080}, 10.0.0.2:80, {address: 10.0.0.3:80, "
      "max_in_flight: 3}, {address: 10.0.0.4:80, max_in_flight: 0}]}",
      inputs);
  std::vector<std::uint32_t> bounds;
  for (const Server& server : web.servers) bounds.push_back(server.max_in_flight);
  EXPECT_EQ(bounds, (std::vector<std::uint32_t>{10, 10, 3, 0}));
  EXPECT_TRUE(web.bounded);
  EXPECT_EQ(web.queue.size, 0U) << "nobody waits where nobody has said so";
  EXPECT_FALSE(build("{servers: [10.0.0.2:80]}", {}).bounded);
}

TEST_F(Sources, AnAdaptiveLimitBoundsWhereItIsEnforced) {
  EXPECT_TRUE(build("{servers: [10.0.0.2:80], adaptive: {mode: enforce}}", {}).bounded);
  const Pool& shadow = build("{servers: [10.0.0.2:80], adaptive: {mode: shadow}}", {});
  EXPECT_FALSE(shadow.bounded);
  EXPECT_TRUE(shadow.counts_in_flight());
}

}  // namespace
}  // namespace edge::build_pools_test
