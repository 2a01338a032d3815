#include <gtest/gtest.h>

#include <string>

#include "edge/load/tables.h"
#include "tests/edge/load/load.h"

namespace edge::overload_table_test {
namespace {

using testing::Loaded;
using testing::with_regions;

constexpr std::string_view kTiers =
    "  trusted_proxies: [10.0.0.0/8]\n  tiers: {order: [free, standard, gold], from: [{header: X-T}]}\n";

// A pool with these options, or the defaults with an error in `problems`; and as it is built.
struct Read {
  PoolConfig config;
  std::string problems;
  Pool pool;
};

Read read(const std::string& options, std::string_view more = kTiers) {
  Loaded loaded(
      with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools:\n    web: {servers: [\"10.0.0.1:80\"], " +
                   options + "}\n  routes: [{path: /, pool: web}]\n" + std::string(more)));
  Read read{loaded.edge.pools.empty() ? PoolConfig{} : loaded.edge.pools[0].value, loaded.diagnostics.render(), {}};
  if (loaded.diagnostics.failed()) return read;
  PoolRegistry registry;
  read.pool = *build_pools(loaded.edge, {"shop", "us"}, {}, registry, loaded.diagnostics).pools->find("web");
  return read;
}

bool says(const std::string& options, std::string_view part) {
  return read(options).problems.find(part) != std::string::npos;
}

TEST(OverloadTable, EveryOptionArrives) {
  const Read all = read(
      "max_in_flight: 100, queue: {size: 50, timeout: 250ms}, shed: {mode: shadow, from: {free: 80%, standard: 95%}}, "
      "adaptive: {mode: enforce, min: 8, max: 80, tolerance: 2}");
  EXPECT_EQ(all.problems, "");
  EXPECT_EQ(all.pool.servers[0].max_in_flight, 100U);
  EXPECT_EQ(all.pool.queue.size, 50U);
  EXPECT_EQ(all.pool.queue.timeout, shared::milliseconds(250));
  EXPECT_EQ(all.pool.shed.mode, shared::Mode::shadow);
  EXPECT_EQ(all.pool.shed.from, (std::vector<double>{0.8, 0.95, ShedSettings::kNever}));
  EXPECT_EQ(all.pool.adaptive.mode, shared::Mode::enforce);
  EXPECT_EQ(all.pool.adaptive.min, 8U);
  EXPECT_EQ(all.pool.adaptive.max, 80U);
  EXPECT_DOUBLE_EQ(all.pool.adaptive.tolerance, 2);
}

TEST(OverloadTable, WithoutAWordNothingIsBounded) {
  const Read plain = read("max_in_flight: 0");
  EXPECT_FALSE(plain.pool.bounded);
  EXPECT_EQ(plain.pool.queue.size, 0U);
  EXPECT_EQ(plain.pool.shed.mode, shared::Mode::disabled);
  EXPECT_EQ(plain.pool.adaptive.mode, shared::Mode::disabled);
  const Read queue = read("max_in_flight: 10, queue: {}");
  EXPECT_EQ(queue.pool.queue.size, QueueSettings{}.size) << queue.problems;
}

TEST(OverloadTable, WhatHasNoEffectIsAnError) {
  EXPECT_TRUE(says("queue: {size: 10}", "queue has no effect: no server is ever full; give the pool max_in_flight"));
  EXPECT_TRUE(says("shed: {from: {free: 80%}}", "shed has no effect"));
  EXPECT_TRUE(says("queue: {size: 10}, adaptive: {mode: shadow}", "queue has no effect"));
  EXPECT_EQ(read("queue: {size: 10}, adaptive: {mode: enforce}").problems, "");
}

TEST(OverloadTable, JudgesWhatIsWrong) {
  EXPECT_TRUE(says("max_in_flight: 10, shed: {from: {freee: 80%}}", "freee"));
  EXPECT_TRUE(says("max_in_flight: 10, shed: {from: {free: 120%}}", "120%"));
  EXPECT_TRUE(says("max_in_flight: 10, shed: {mode: enforce}", "from"));
  EXPECT_TRUE(says("max_in_flight: 10, queue: {size: 0}", "size"));
  EXPECT_TRUE(says("adaptive: {min: 10}", "mode"));
  EXPECT_TRUE(says("adaptive: {mode: enforce, min: 10, max: 5}", "min (10) is more than max (5)"));
  EXPECT_NE(read("max_in_flight: 10, shed: {from: {free: 80%}}", "").problems, "") << "a service without tiers";
}

}  // namespace
}  // namespace edge::overload_table_test
