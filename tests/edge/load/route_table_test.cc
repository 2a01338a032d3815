#include <gtest/gtest.h>

#include <string>

#include "edge/load/tables.h"
#include "tests/edge/load/load.h"

namespace edge::route_table_test {
namespace {

using testing::Loaded;
using testing::with_regions;

// The one route of a configuration.
struct Read {
  RouteConfig route;
  std::string problems;
};

Read read(const std::string& options, const std::string& more = "") {
  const Loaded loaded(
      with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n"
                   "  routes: [{" +
                   options + "}]\n" + more));
  return {loaded.edge.routes.empty() ? RouteConfig{} : loaded.edge.routes[0], loaded.diagnostics.render()};
}

TEST(RouteTable, AnAnswerOfTheEdgesOwn) {
  const auto [route, problems] =
      read("path: /x, respond: {status: 410, body: \"<b>gone</b>\", content_type: text/html}");
  ASSERT_TRUE(route.respond) << problems;
  EXPECT_EQ(route.respond->status, 410);
  EXPECT_EQ(route.respond->body, "<b>gone</b>");
  EXPECT_EQ(route.respond->content_type, "text/html");
  EXPECT_NE(read("path: /x, respond: {status: 204, body: none}").problems.find("a 204 has no body"), std::string::npos);
  EXPECT_NE(read("path: /x, respond: {status: 600}").problems.find("status"), std::string::npos);
}

TEST(RouteTable, EveryTimeHasItsOwnOption) {
  const auto [route, problems] =
      read("path: /, pool: web, timeout: {connect: 1s, send: 2s, read: 3s, try: 4s, total: 5s}");
  EXPECT_EQ(problems, "");
  EXPECT_EQ(*route.timeout.connect, shared::Duration(shared::seconds(1)));
  EXPECT_EQ(*route.timeout.send, shared::Duration(shared::seconds(2)));
  EXPECT_EQ(*route.timeout.read, shared::Duration(shared::seconds(3)));
  EXPECT_EQ(*route.timeout.try_time, shared::Duration(shared::seconds(4)));
  EXPECT_EQ(*route.timeout.total, shared::Duration(shared::seconds(5)));
}

TEST(RouteTable, ARouteDoesOneThing) {
  EXPECT_NE(read("path: /").problems.find("a route has exactly one of pool, respond, redirect and files"),
            std::string::npos);
  EXPECT_NE(read("path: /, pool: web, redirect: {to: /x}").problems.find("a route has exactly one of"),
            std::string::npos);
  EXPECT_NE(read("path: /, pool: web, allow: []").problems.find("an empty list lets nobody in"), std::string::npos);
  EXPECT_NE(read("path: /, pool: web, share: 0%").problems.find("is never used"), std::string::npos);
}

// What clients may send, of an edge whose one route is as good as any.
TEST(ClientTable, EveryLimitArrives) {
  const Loaded loaded(with_regions(
      "  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n"
      "  routes: [{path: /, pool: web}]\n"
      "  client: {max_target: 2KiB, max_memory: 64MiB, max_connections: 7, max_per_client: 3, min_rate: 100B,\n"
      "           head_timeout: 1s, keep_alive_timeout: 2s, body_timeout: 3s, send_timeout: 4s, linger: 5s,\n"
      "           half_close: allow, http2: {prior_knowledge: false, max_streams: 9, max_buffer: 256KiB}}\n  via: "
      "both\n  merge_slashes: true\n"));
  EXPECT_EQ(loaded.diagnostics.render(), "");
  const ClientConfig& client = loaded.edge.client;
  EXPECT_EQ(client.max_target, 2048U);
  EXPECT_EQ(client.max_memory, 64U << 20U);
  EXPECT_EQ(client.max_connections, 7U);
  EXPECT_EQ(client.max_per_client, 3U);
  EXPECT_EQ(client.min_rate, 100U);
  EXPECT_EQ(client.head_timeout, shared::Duration(shared::seconds(1)));
  EXPECT_EQ(client.keep_alive_timeout, shared::Duration(shared::seconds(2)));
  EXPECT_EQ(client.body_timeout, shared::Duration(shared::seconds(3)));
  EXPECT_EQ(client.send_timeout, shared::Duration(shared::seconds(4)));
  EXPECT_EQ(client.linger, shared::Duration(shared::seconds(5)));
  EXPECT_EQ(client.half_close, HalfClose::allow);
  EXPECT_FALSE(client.http2.prior_knowledge);
  EXPECT_EQ(client.http2.max_streams, 9U);
  EXPECT_EQ(client.http2.max_buffer, 256U << 10U);
  EXPECT_EQ(loaded.edge.via, ViaConfig::both);
  EXPECT_TRUE(loaded.edge.merge_slashes);
}

}  // namespace
}  // namespace edge::route_table_test
