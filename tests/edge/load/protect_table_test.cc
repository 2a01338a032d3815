#include "edge/load/protect_table.h"

#include <gtest/gtest.h>

#include <string>

#include "shared/load/yaml.h"
#include "tests/shared/load/helpers.h"

namespace edge::protect_table_test {
namespace {

using shared::load::testing::problems_of;
using shared::load::testing::value_of;

template <class T>
std::string problems(const shared::load::Table<T>& table, const std::string& text) {
  shared::load::Diagnostics diagnostics;
  const auto root = shared::load::read_yaml_text(text, "c.yaml", {}, diagnostics);
  if (root) (void)table.read(*root, diagnostics);
  return diagnostics.render();
}

template <class T>
T read(const shared::load::Table<T>& table, const std::string& text) {
  shared::load::Diagnostics diagnostics;
  const auto root = shared::load::read_yaml_text(text, "c.yaml", {}, diagnostics);
  const T out = table.read(*root, diagnostics);
  EXPECT_EQ(diagnostics.render(), "") << text;
  return out;
}

TEST(ProtectTable, AShareIsAPartOfOne) {
  EXPECT_DOUBLE_EQ(*value_of(share_of(), "20%"), 0.2);
  EXPECT_DOUBLE_EQ(*value_of(share_of(), "100%"), 1);
  EXPECT_NE(problems_of(share_of(), "101%"), "");
  EXPECT_NE(problems_of(share_of(), "0.2"), "") << "a unit says what is meant";
}

// What core decides by is what is written, option for option.
TEST(ProtectTable, ABreakersOptionsArrive) {
  const BreakerSettings all = read(breaker_table(),
                                   "{mode: shadow, failures: 7, probes: 2, successes: 3, open: 10s, max_open: 1m, "
                                   "jitter: 30%, max_opened: 40%}");
  EXPECT_EQ(all.mode, shared::Mode::shadow);
  EXPECT_EQ(all.failures, 7);
  EXPECT_EQ(all.probes, 2);
  EXPECT_EQ(all.successes, 3);
  EXPECT_EQ(all.open, shared::milliseconds(10000));
  EXPECT_EQ(all.max_open, shared::milliseconds(60000));
  EXPECT_DOUBLE_EQ(all.jitter, 0.3);
  EXPECT_DOUBLE_EQ(all.max_opened, 0.4);
  EXPECT_EQ(read(breaker_table(), "{}").failures, BreakerSettings{}.failures);
  EXPECT_NE(problems(breaker_table(), "{failures: 0}"), "");
  EXPECT_NE(problems(breaker_table(), "{probes: 61}"), "");
}

TEST(ProtectTable, ABreakerIsNotOpenForLongerThanAtMost) {
  EXPECT_EQ(problems(breaker_table(), "{open: 1m, max_open: 1m}"), "");
  EXPECT_EQ(
      problems(breaker_table(), "{open: 2m, max_open: 1m}"),
      "c.yaml:1:22: error: breaker: max_open (1m) is shorter than open (2m), which grows up to it: raise max_open, "
      "or lower open\n");
  EXPECT_NE(problems(breaker_table(), "{open: 10m}").find("max_open (5m) is shorter than open (10m)"),
            std::string::npos);
}

TEST(ProtectTable, AnEjectionsOptionsArrive) {
  const EjectionSettings all = read(ejection_table(),
                                    "{mode: shadow, error_rate: 40%, margin: 15%, min_requests: 7, window: 20s, "
                                    "time: 3s, max_time: 9s, max_ejected: 30%, consecutive: 9}");
  EXPECT_EQ(all.mode, shared::Mode::shadow);
  EXPECT_DOUBLE_EQ(all.error_rate, 0.4);
  EXPECT_DOUBLE_EQ(all.margin, 0.15);
  EXPECT_EQ(all.min_requests, 7U);
  EXPECT_EQ(all.window, shared::milliseconds(20000));
  EXPECT_EQ(all.time, shared::milliseconds(3000));
  EXPECT_EQ(all.max_time, shared::milliseconds(9000));
  EXPECT_DOUBLE_EQ(all.max_ejected, 0.3);
  EXPECT_EQ(all.consecutive, 9);
  EXPECT_NE(problems(ejection_table(), "{consecutive: 10001}"), "");
}

TEST(ProtectTable, ARetrysOptionsArrive) {
  const RetrySettings all = read(
      retry_table(), "{attempts: 4, budget: 5%, min_rate: 3, buffer: 4KiB, hedge: {mode: shadow, min_delay: 5ms}}");
  EXPECT_EQ(all.attempts, 4);
  EXPECT_DOUBLE_EQ(all.budget_share, 0.05);
  EXPECT_DOUBLE_EQ(all.budget_rate, 3);
  EXPECT_EQ(all.buffer, 4096U);
  EXPECT_EQ(all.hedge.mode, shared::Mode::shadow);
  EXPECT_NE(problems(retry_table(), "{attempts: 0}"), "");
}

TEST(ProtectTable, ACheckOfGrpcMayNameAService) {
  const auto checks = value_of(health_checks(), "{kind: grpc, service: shop.Cart}");
  ASSERT_TRUE(checks);
  EXPECT_EQ(checks->at(0).kind, HealthCheck::Kind::grpc);
  EXPECT_EQ(checks->at(0).service, "shop.Cart");
}

TEST(ProtectTable, OneCheckOrSeveral) {
  EXPECT_EQ(value_of(health_checks(), "{path: /live}")->size(), 1U);
  const auto both = value_of(health_checks(), "[{name: live, kind: tcp}, {name: deep, path: /deep}]");
  ASSERT_TRUE(both);
  ASSERT_EQ(both->size(), 2U);
  EXPECT_EQ(both->at(0).kind, HealthCheck::Kind::tcp);
  EXPECT_EQ(both->at(1).path, "/deep");
}

}  // namespace
}  // namespace edge::protect_table_test
