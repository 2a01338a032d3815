#include <gtest/gtest.h>

#include <string>

#include "edge/load/tables.h"
#include "tests/edge/load/load.h"

namespace edge::pool_table_test {
namespace {

using testing::Loaded;
using testing::with_regions;

// A pool with these options, or the defaults with an error in `problems`.
struct Read {
  PoolConfig pool;
  std::string problems;
};

Read read(const std::string& options) {
  const Loaded loaded(
      with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools:\n    web: {servers: [\"10.0.0.1:80\"]" +
                   (options.empty() ? "" : ", " + options) + "}\n  routes: [{path: /, pool: web}]\n"));
  return {loaded.edge.pools.empty() ? PoolConfig{} : loaded.edge.pools[0].value, loaded.diagnostics.render()};
}

TEST(PoolTable, WithoutAWordAPoolIsAsCoreHasIt) {
  const auto [pool, problems] = read("");
  EXPECT_EQ(problems, "");
  EXPECT_EQ(pool.balance, Balance::round_robin);
  EXPECT_EQ(pool.when_all_down, WhenAllDown::try_all);
  EXPECT_DOUBLE_EQ(pool.degraded_share, 0.25);
  EXPECT_EQ(pool.idle.connections, IdleSettings{}.connections);
  EXPECT_FALSE(pool.sticky);
  EXPECT_FALSE(pool.critical);
}

TEST(PoolTable, EverySessionOptionArrives) {
  const auto [pool, problems] = read(
      "sticky: {keys: keys.txt, cookie: SHOP, path: /app, domain: shop.example, same_site: strict, secure: true, "
      "http_only: false, max_age: 1h, draining: move}");
  ASSERT_TRUE(pool.sticky) << problems;
  EXPECT_EQ(pool.sticky->cookie, "SHOP");
  EXPECT_EQ(pool.sticky->path, "/app");
  EXPECT_EQ(pool.sticky->domain, "shop.example");
  EXPECT_EQ(pool.sticky->same_site, SameSite::strict);
  EXPECT_TRUE(pool.sticky->secure);
  EXPECT_FALSE(pool.sticky->http_only);
  EXPECT_EQ(*pool.sticky->max_age, shared::Duration(std::chrono::hours(1)));
  EXPECT_EQ(pool.sticky->draining, StickyDraining::move);
}

TEST(PoolTable, Http2ToServersIsAskedForAndHasItsBounds) {
  EXPECT_EQ(read("").pool.protocol, ServerProtocol::http1);
  const auto [pool, problems] = read("protocol: h2, http2: {max_streams: 7, stream_buffer: 64KiB, ping: 5s}");
  EXPECT_EQ(problems, "");
  EXPECT_EQ(pool.protocol, ServerProtocol::h2);
  EXPECT_EQ(pool.http2.max_streams, 7U);
  EXPECT_EQ(pool.http2.stream_buffer, 64U * 1024U);
  EXPECT_EQ(pool.http2.ping, shared::Duration(shared::seconds(5)));
  EXPECT_NE(read("http2: {max_streams: 7}").problems.find("http2 has no effect: protocol is not h2"),
            std::string::npos);
  EXPECT_NE(read("protocol: h2, proxy_protocol: v2").problems.find("proxy_protocol with protocol: h2"),
            std::string::npos);
}

TEST(PoolTable, WhatHasNoEffectIsAnError) {
  EXPECT_NE(read("hash: {by: path}").problems.find("hash has no effect"), std::string::npos);
  EXPECT_NE(
      read("response_time: {half_life: 1s}").problems.find("response_time has no effect: balance is not least_time"),
      std::string::npos);
  EXPECT_NE(read("balance: ip_hash, hash: {by: path}").problems.find("ip_hash goes by the client"), std::string::npos);
  EXPECT_EQ(read("balance: consistent_hash, hash: {by: path}").problems, "");
}

TEST(PoolTable, ProtectionsAndConnectionsArrive) {
  const auto [pool, problems] = read(
      "degraded_share: 10%, panic: 50%, when_all_down: refuse, slow_start: 30s, idle: {connections: 7, timeout: 9s}, "
      "breaker: {successes: 3}, bad_statuses: [500, 502-504]");
  EXPECT_EQ(problems, "");
  EXPECT_DOUBLE_EQ(pool.degraded_share, 0.1);
  EXPECT_DOUBLE_EQ(pool.panic, 0.5);
  EXPECT_EQ(pool.when_all_down, WhenAllDown::refuse);
  EXPECT_EQ(pool.slow_start, shared::Duration(shared::seconds(30)));
  EXPECT_EQ(pool.idle.connections, 7U);
  EXPECT_EQ(pool.idle.timeout, shared::Duration(shared::seconds(9)));
  EXPECT_EQ(pool.breaker->successes, 3);
  EXPECT_EQ(pool.bad_statuses, (std::vector<StatusRange>{{500, 500}, {502, 504}}));
}

}  // namespace
}  // namespace edge::pool_table_test
