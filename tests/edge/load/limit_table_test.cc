#include <gtest/gtest.h>

#include <string>

#include "edge/load/tables.h"
#include "tests/edge/load/load.h"

namespace edge::limit_table_test {
namespace {

using testing::Loaded;
using testing::with_regions;

// The one limit of a configuration.
struct Read {
  LimitConfig limit;
  std::string problems;
};

Read read(const std::string& options) {
  const Loaded loaded(
      with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n"
                   "  limits: {one: {" +
                   options + "}}\n  routes: [{path: /, pool: web, limits: one}]\n"));
  return {loaded.edge.limits.empty() ? LimitConfig{} : loaded.edge.limits[0].value, loaded.diagnostics.render()};
}

bool complains(const std::string& options, const std::string& of) {
  return read(options).problems.find(of) != std::string::npos;
}

TEST(LimitTable, ReadsEveryOption) {
  const auto [limit, problems] = read(
      "rate: 30/m, burst: 5, excess: delay, key: [client, api_key, tier, host, route, {header: X-A}, {cookie: c}, "
      "{claim: sub}], "
      "mode: shadow, exempt: [192.0.2.0/24], announce: true, keys: 4096");
  EXPECT_DOUBLE_EQ(limit.rate.per_second, 0.5) << problems;
  EXPECT_EQ(limit.burst, 5U);
  EXPECT_EQ(limit.excess, Excess::delay);
  EXPECT_EQ(limit.mode, shared::Mode::shadow);
  EXPECT_EQ(limit.exempt.size(), 1U);
  EXPECT_TRUE(limit.announce);
  EXPECT_EQ(limit.keys, 4096U);
  ASSERT_EQ(limit.key.size(), 8U);
  EXPECT_EQ(limit.key[1].kind, LimitKeyPart::Kind::api_key);
  EXPECT_EQ(limit.key[4].kind, LimitKeyPart::Kind::route);
  EXPECT_EQ(limit.key[5].name, "X-A");
  EXPECT_EQ(limit.key[6].kind, LimitKeyPart::Kind::cookie);
  EXPECT_EQ(limit.key[7].kind, LimitKeyPart::Kind::claim);
  EXPECT_EQ(limit.key[7].name, "sub");
}

TEST(LimitTable, ByItselfItCountsClientsAndRejects) {
  const auto [limit, problems] = read("rate: 10/s");
  ASSERT_EQ(limit.key.size(), 1U) << problems;
  EXPECT_EQ(limit.key[0].kind, LimitKeyPart::Kind::client);
  EXPECT_EQ(limit.excess, Excess::reject);
  EXPECT_EQ(limit.mode, shared::Mode::enforce);
  EXPECT_FALSE(limit.everywhere);
}

TEST(LimitTable, SaysWhatIsWrong) {
  EXPECT_TRUE(complains("rate: 1/s, key: {claim: \"\"}", "the name of a claim is wanted, such as sub"));
  EXPECT_TRUE(complains("burst: 5", "rate"));
  EXPECT_TRUE(complains("rate: 10", "rate"));
  EXPECT_TRUE(complains("rate: 10/s, key: []", "empty list"));
  EXPECT_TRUE(complains("rate: 10/s, key: planet", "'planet' is none of client"));
  EXPECT_TRUE(complains("rate: 10/s, key: [{header: \"a b\"}]", "not the name of a header field"));
  EXPECT_TRUE(complains("rate: 100001/s", "at most 100000/s"));
  EXPECT_TRUE(complains("rate: 1/h, burst: 10", "at most"));
  EXPECT_TRUE(complains("rate: 10/s, excess: delay", "nothing can wait"));
  EXPECT_TRUE(complains("rate: 10/s, key: tier", "no tiers"));
  EXPECT_FALSE(complains("rate: 1/h, burst: 2", "at most"));
}

}  // namespace
}  // namespace edge::limit_table_test
