#include <gtest/gtest.h>

#include <string>

#include "edge/load/tables.h"
#include "tests/edge/load/load.h"

namespace edge::redis_table_test {
namespace {

using testing::Loaded;
using testing::with_regions;

Loaded load(const std::string& redis, const std::string& limit = "rate: 10/s, scope: region") {
  const std::string section = redis.empty() ? "" : "  redis: {" + redis + "}\n";
  return Loaded(with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n" +
                             section + "  limits: {one: {" + limit +
                             "}}\n  routes: [{path: /, pool: web, limits: one}]\n"));
}

bool complains(const Loaded& loaded, const std::string& of) {
  return loaded.diagnostics.render().find(of) != std::string::npos;
}

TEST(RedisTable, ReadsEveryOption) {
  const Loaded loaded = load(
      "servers: [\"10.0.0.5:6379\", \"redis.internal:6380\"], user: edge, password_file: /etc/meridian/redis, "
      "database: 3, "
      "tls: {verify: false}, prefix: shop, timeout: 100ms, interval: 200ms, lease: 5s");
  ASSERT_TRUE(loaded.edge.redis) << loaded.diagnostics.render();
  const RedisConfig& redis = *loaded.edge.redis;
  EXPECT_EQ(redis.servers.size(), 2U);
  EXPECT_EQ(redis.user, "edge");
  EXPECT_EQ(redis.password_file, "/etc/meridian/redis");
  EXPECT_EQ(redis.database, 3U);
  EXPECT_TRUE(redis.tls);
  EXPECT_EQ(redis.prefix, "shop");
  EXPECT_EQ(redis.timeout, shared::milliseconds(100));
  EXPECT_EQ(redis.interval, shared::milliseconds(200));
  EXPECT_EQ(redis.lease, shared::seconds(5));
  EXPECT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
  EXPECT_EQ(loaded.edge.limits[0].value.scope, LimitScope::region);
}

TEST(RedisTable, ReadsSentinels) {
  const Loaded loaded = load("sentinel: {name: shop, servers: \"10.0.0.7:26379\", user: w, password_file: /etc/w}");
  ASSERT_TRUE(loaded.edge.redis && loaded.edge.redis->sentinel) << loaded.diagnostics.render();
  EXPECT_EQ(loaded.edge.redis->sentinel->name, "shop");
  EXPECT_EQ(loaded.edge.redis->sentinel->servers.size(), 1U);
  EXPECT_EQ(loaded.edge.redis->sentinel->user, "w");
  EXPECT_EQ(loaded.edge.redis->sentinel->password_file, "/etc/w");
}

TEST(RedisTable, SaysWhatIsWrong) {
  EXPECT_TRUE(complains(load("database: 1"), "the key 'servers' is missing (or sentinel)"));
  EXPECT_TRUE(complains(load("servers: \"10.0.0.5\""), "HOST:PORT") ||
              complains(load("servers: \"10.0.0.5\""), "port"));
  EXPECT_TRUE(
      complains(load("servers: \"a:1\", sentinel: {name: s, servers: \"b:2\"}"), "servers or sentinel, not both"));
  EXPECT_TRUE(complains(load("sentinel: {name: s, servers: []}"), "at least one sentinel"));
  EXPECT_TRUE(complains(load("servers: \"a:1\", user: edge"), "user without password_file"));
  EXPECT_TRUE(complains(load("sentinel: {name: s, servers: \"b:2\", user: w}"), "user without password_file"));
  EXPECT_TRUE(complains(load("servers: \"a:1\", lease: 300ms"), "one late answer would end it"));
}

TEST(RedisTable, ALimitOfTheRegionNeedsItAndIsWhatItIsFor) {
  EXPECT_TRUE(complains(load(""), "limit 'one': scope: region needs `edge.redis`"));
  EXPECT_TRUE(complains(load("servers: \"a:1\"", "rate: 10/s"), "no limit has scope: region"));
  EXPECT_TRUE(complains(load("servers: \"a:1\"", "rate: 1/m, burst: 20, scope: region"), "within 15m"));
  EXPECT_FALSE(complains(load("servers: \"a:1\"", "rate: 2/m, burst: 20, scope: region"), "within 15m"));
}

}  // namespace
}  // namespace edge::redis_table_test
