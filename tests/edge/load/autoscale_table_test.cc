#include <gtest/gtest.h>

#include <string>

#include "edge/load/tables.h"
#include "tests/edge/load/load.h"

namespace edge::autoscale_table_test {
namespace {

using testing::Loaded;
using testing::with_regions;

constexpr std::string_view kServers = "servers: [{srv: _http._tcp.web.internal}], health: {path: /health}, ";

struct Read {
  PoolConfig config;
  std::string problems;
};

Read read(const std::string& scale, std::string_view pool = kServers, std::string_view more = {}) {
  const Loaded loaded(with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools:\n    web: {" + std::string(pool) +
                                   "autoscale: " + scale + "}\n  routes: [{path: /, pool: web}]\n" +
                                   std::string(more)));
  return {loaded.edge.pools.empty() ? PoolConfig{} : loaded.edge.pools[0].value, loaded.diagnostics.render()};
}

TEST(AutoscaleTable, EveryOptionArrives) {
  const auto [config, problems] = read(
      "{mode: dry_run, min: 3, max: 20, cpu: 70, cpu_field: system.cpu, in_flight: 1000, start_time: 90s, window: 10m, "
      "up_cooldown: 20s, down_cooldown: 7m}");
  EXPECT_EQ(problems, "");
  ASSERT_TRUE(config.autoscale);
  const ScaleSettings& scale = *config.autoscale;
  EXPECT_EQ(scale.mode, ScaleMode::dry_run);
  EXPECT_EQ(scale.min, 3U);
  EXPECT_EQ(scale.max, 20U);
  EXPECT_DOUBLE_EQ(*scale.cpu, 70);
  EXPECT_EQ(scale.cpu_field, "system.cpu");
  EXPECT_DOUBLE_EQ(*scale.in_flight, 1000);
  EXPECT_EQ(scale.start_time, shared::seconds(90));
  EXPECT_EQ(scale.window, std::chrono::minutes(10));
  EXPECT_EQ(scale.up_cooldown, shared::seconds(20));
  EXPECT_EQ(scale.down_cooldown, std::chrono::minutes(7));
}

TEST(AutoscaleTable, WhatIsWrongIsTold) {
  const auto says = [](const std::string& scale, std::string_view part) {
    return read(scale).problems.find(part) != std::string::npos;
  };
  EXPECT_TRUE(says("{mode: dry_run, min: 5, max: 4, cpu: 70}", "max is less than min"));
  EXPECT_TRUE(says("{mode: dry_run, min: 1, max: 4}", "say what it aims at"));
  EXPECT_TRUE(says("{mode: dry_run, min: 1, max: 4, in_flight: 10, cpu_field: x}", "cpu_field has no effect"));
  EXPECT_TRUE(says("{mode: dry_run, min: 1, max: 4, cpu: 70, cpu_field: a..b}", "NAME or PATH.TO.NAME"));
  EXPECT_TRUE(says("{min: 1, max: 4, cpu: 70}", "mode"));
  EXPECT_TRUE(says("{mode: on, min: 1, max: 4, cpu: 70}", "needs somebody who is told"));
  EXPECT_NE(
      read("{mode: dry_run, min: 1, max: 4, cpu: 70}", "servers: [\"10.0.0.1:80\"], ").problems.find("cpu is read"),
      std::string::npos);
  EXPECT_NE(read("{mode: on, min: 1, max: 4, in_flight: 9}", "servers: [\"10.0.0.1:80\"], ", "  scaler: {file: true}\n")
                .problems.find("no server of the pool comes from the DNS"),
            std::string::npos);
}

TEST(AutoscaleTable, PoolsThatScaleAreBuiltForControl) {
  Loaded loaded(
      with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools:\n"
                   "    web: {servers: [\"10.0.0.1:80\"], health: {path: /health}, autoscale: {mode: dry_run, "
                   "min: 1, max: 4, cpu: 70, cpu_field: load.cpu}}\n"
                   "    api: {servers: {eu: [\"10.0.0.2:80\"]}, autoscale: {mode: dry_run, min: 1, max: 4, "
                   "in_flight: 9}}\n  routes: [{path: /, pool: web}, {path: /api, pool: api}]\n"));
  PoolRegistry registry;
  const PoolParts parts = build_pools(loaded.edge, {"shop", "us"}, {}, registry, loaded.diagnostics);
  ASSERT_EQ(parts.scaling.size(), 1U) << "api has no servers in us";
  EXPECT_EQ(parts.scaling.begin()->first, "web");
  ASSERT_EQ(parts.health_targets.size(), 1U);
  ASSERT_TRUE(parts.health_targets[0].told);
  EXPECT_EQ(parts.health_targets[0].told->path, (std::vector<std::string>{"load", "cpu"}));
}

}  // namespace
}  // namespace edge::autoscale_table_test
