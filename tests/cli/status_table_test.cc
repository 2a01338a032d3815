#include "cli/status_table.h"

#include <gtest/gtest.h>

namespace cli::status_table_test {
namespace {

std::string status(int requests, const char* state) {
  return R"({"service": "shop", "region": "eu", "node": "192.0.2.1", "state": "up", "generation": 3,
             "workers": [{"connections": 4, "in_flight": 1}, {"connections": 5, "in_flight": 2}],
             "pools": [{"pool": "web", "panic": false, "servers": [{"server": "10.0.0.1:80", "state": ")" +
         std::string(state) + R"(", "breaker": "closed", "in_flight": 3, "requests": )" + std::to_string(requests) +
         R"(, "failures": 2, "retries": 1, "p50_us": 1500, "p99_us": 20000, "reason": "status 500"}]}]})";
}

TEST(StatusTable, OneLineForEachServer) {
  const auto text = edge_table(status(100, "degraded"), {});
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("shop eu 192.0.2.1: up, generation 3, 9 connections, 3 requests in flight"), std::string::npos);
  EXPECT_NE(text->find("web   10.0.0.1:80  degraded  closed   3          100       -      2       1        1.5     "
                       "20.0    status 500"),
            std::string::npos)
      << *text;
}

TEST(StatusTable, RatesComeFromTheOneBefore) {
  const std::string before = status(100, "up");
  const auto text = edge_table(status(350, "up"), {.json = before, .seconds = 2});
  ASSERT_TRUE(text);
  EXPECT_NE(text->find(" 125 "), std::string::npos) << *text;
  const std::string restarted = status(900, "up");
  EXPECT_EQ(edge_table(status(350, "up"), {.json = restarted, .seconds = 2})->find("-275"), std::string::npos);
}

// What the DNS does not tell is a line of its own; what it tells is seen in the servers.
TEST(StatusTable, NamesThatDoNotAnswerAreShown) {
  const auto text = edge_table(R"({"pools": [{"pool": "web", "servers": [], "sources": [
      {"source": "web.internal:80", "state": "failing", "reason": "no such name"},
      {"source": "_http._tcp.internal", "state": "waiting"}, {"source": "good.internal:80", "state": "found"}]}]})",
                               {});
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("web   web.internal:80      failing"), std::string::npos) << *text;
  EXPECT_NE(text->find("no such name"), std::string::npos);
  EXPECT_NE(text->find("web   _http._tcp.internal  waiting"), std::string::npos) << *text;
  EXPECT_EQ(text->find("good.internal"), std::string::npos);
}

TEST(StatusTable, TellsWhatAnOperatorHasSaid) {
  const auto text =
      edge_table(R"({"override": {"since": "2026-01-01T00:00:00Z", "reason": "kernel"}, "pools": [{"pool": "web",
      "servers": [{"server": "10.0.0.1:80", "override": {"since": "2026-01-02T00:00:00Z", "reason": "bad disk"},
      "weight_override": {"weight": 7, "since": "2026-01-03T00:00:00Z", "reason": "slow"},
      "reason": "status 500"}]}]})",
                 {});
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("drained since 2026-01-01T00:00:00Z by an operator: kernel"), std::string::npos) << *text;
  EXPECT_NE(text->find("drained since 2026-01-02T00:00:00Z: bad disk; weight 7 since 2026-01-03T00:00:00Z: slow; "
                       "status 500"),
            std::string::npos)
      << *text;
}

TEST(StatusTable, TellsHowManyServersAreWantedAndWhoIsToldOfIt) {
  const auto text =
      edge_table(R"({"pools": [{"pool": "web", "servers": [], "autoscale": {"mode": "on", "desired": 7, "servers": 5,
      "serving": 4, "min": 1, "max": 20, "reason": "cpu 84 %, target 70 %"}}, {"pool": "static", "servers": []}],
      "scaler": {"speaks": "192.0.2.1", "delivered": 3, "failed": 2, "waiting": 1, "problem": "status 503"}})",
                 {});
  ASSERT_TRUE(text);
  EXPECT_TRUE(
      text->ends_with("\nscale web: 7 wanted, 5 there, 4 serve (1 to 20, on): cpu 84 %, target 70 %\n"
                      "scaler: 192.0.2.1 speaks, 3 calls taken, 2 failed, 1 wait: status 503\n"))
      << *text;
}

TEST(StatusTable, AnotherServersStatusIsNotATable) {
  EXPECT_FALSE(edge_table(R"({"regions": []})", {}));
  EXPECT_FALSE(edge_table("[]", {}));
  EXPECT_FALSE(edge_table("no", {}));
}

}  // namespace
}  // namespace cli::status_table_test
