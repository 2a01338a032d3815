#include "edge/serve/control/health_verdict.h"

#include <gtest/gtest.h>

namespace edge::health_verdict_test {
namespace {

using shared::ProbeOutcome;

NumberRule rule(const std::string& name, Comparison comparison, double limit) {
  NumberRule r;
  r.name = name;
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t dot = std::min(name.find('.', at), name.size());
    r.path.push_back(name.substr(at, dot - at));
    at = dot + 1;
  }
  r.comparison = comparison;
  r.limit = limit;
  return r;
}

HealthCheck check() {
  HealthCheck c;
  c.degraded_when = {rule("cpu_usage", Comparison::greater, 90)};
  c.unhealthy_when = {rule("memory.used", Comparison::greater_or_equal, 95)};
  return c;
}

HealthVerdict judge(const HealthCheck& c, std::string_view body, std::uint16_t status = 200) {
  return judge_answer(c, {.status = status, .body = body, .complete = true});
}

TEST(HealthVerdict, NumbersDecide) {
  EXPECT_EQ(judge(check(), R"({"cpu_usage": 90, "memory": {"used": 94.9}})").outcome, ProbeOutcome::success);
  const auto busy = judge(check(), R"({"cpu_usage": 90.5, "memory": {"used": 10}})");
  EXPECT_EQ(busy.outcome, ProbeOutcome::degraded);
  EXPECT_EQ(busy.reason, "cpu_usage is 90.5 (cpu_usage > 90)");
  const auto full = judge(check(), R"({"cpu_usage": 99, "memory": {"used": 95}})");
  EXPECT_EQ(full.outcome, ProbeOutcome::failure) << "the worse of both";
  EXPECT_EQ(full.reason, "memory.used is 95 (memory.used >= 95)");
}

TEST(HealthVerdict, PathsGoThroughListsAndDottedKeys) {
  HealthCheck c;
  c.unhealthy_when = {rule("disks.1.free", Comparison::less, 5)};
  EXPECT_EQ(judge(c, R"({"disks": [{"free": 1}, {"free": 4}]})").outcome, ProbeOutcome::failure);
  EXPECT_EQ(judge(c, R"({"disks": [{"free": 1}, {"free": 6}]})").outcome, ProbeOutcome::success);
  EXPECT_EQ(judge(c, R"({"disks.1.free": 4})").outcome, ProbeOutcome::failure);
}

TEST(HealthVerdict, WhatIsMissingDegradesAndNeverTakesDown) {
  for (const char* body :
       {"{}", R"({"cpu_usage": 1})", R"({"cpu_usage": 1, "memory": {"used": "95"}})",
        R"({"cpu_usage": 1, "memory": null})", "[]", "5", "null", R"({"cpu_usage": 1, "memory": {"used": true}})"}) {
    EXPECT_EQ(judge(check(), body).outcome, ProbeOutcome::degraded) << body;
  }
  EXPECT_EQ(judge(check(), "{}").reason, "no number memory.used in the answer");
}

TEST(HealthVerdict, WhatIsNoJsonFails) {
  for (const char* body : {"", "ok", "<html>", "{", "{\"cpu_usage\": 1,}", "{} {}", "{\"a\": NaN}"}) {
    EXPECT_EQ(judge(check(), body).outcome, ProbeOutcome::failure) << body;
  }
  EXPECT_EQ(judge(check(), std::string(40, '[') + std::string(40, ']')).outcome, ProbeOutcome::failure) << "too deep";
  EXPECT_EQ(judge_answer(check(), {.status = 200, .body = "{}", .complete = false}).reason, "the body is over 64 KiB");
}

TEST(HealthVerdict, StatusAndText) {
  HealthCheck c;
  c.statuses = {{200, 200}, {204, 206}};
  EXPECT_EQ(judge(c, "", 205).outcome, ProbeOutcome::success);
  EXPECT_EQ(judge(c, "", 203).reason, "status 203");
  c.contains = "ready";
  EXPECT_EQ(judge(c, "all ready").outcome, ProbeOutcome::success);
  EXPECT_EQ(judge(c, "all red").outcome, ProbeOutcome::failure);
}

TEST(HealthVerdict, EveryComparison) {
  const auto holds = [](Comparison c, double value) { return rule("x", c, 2).holds(value); };
  EXPECT_TRUE(holds(Comparison::greater, 3) && !holds(Comparison::greater, 2));
  EXPECT_TRUE(holds(Comparison::greater_or_equal, 2) && !holds(Comparison::greater_or_equal, 1));
  EXPECT_TRUE(holds(Comparison::less, 1) && !holds(Comparison::less, 2));
  EXPECT_TRUE(holds(Comparison::less_or_equal, 2) && !holds(Comparison::less_or_equal, 3));
  EXPECT_TRUE(holds(Comparison::equal, 2) && !holds(Comparison::equal, 3));
  EXPECT_TRUE(holds(Comparison::not_equal, 3) && !holds(Comparison::not_equal, 2));
}

TEST(HealthVerdict, ANumberIsToldWhateverItMeans) {
  const NumberRule cpu = rule("load.cpu", Comparison::greater, 90);
  const auto told = [&](std::string_view body, bool complete = true) {
    return number_told({.status = 503, .body = body, .complete = complete}, cpu);
  };
  EXPECT_DOUBLE_EQ(told(R"({"load": {"cpu": 97.5}})").value_or(0), 97.5) << "of a server that is ill, too";
  EXPECT_DOUBLE_EQ(told(R"({"load.cpu": 12})").value_or(0), 12);
  EXPECT_FALSE(told(R"({"load": {"cpu": "97"}})"));
  EXPECT_FALSE(told(R"({"load": 1})"));
  EXPECT_FALSE(told("ok"));
  EXPECT_FALSE(told(R"({"load": {"cpu": 97.5}})", false));
}

}  // namespace
}  // namespace edge::health_verdict_test
