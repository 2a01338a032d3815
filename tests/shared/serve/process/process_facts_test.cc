#include "shared/serve/process/process_facts.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "shared/serve/os/log.h"

namespace shared::process_facts_test {
namespace {

using testing::HasSubstr;

ProcessFacts facts() {
  ProcessFacts out;
  out.version = "1.2.3";
  out.config = "/etc/meridian.yaml";
  out.config_hash = 0xAB;
  out.started = WallTime(std::chrono::seconds(1'700'000'001));
  out.configured = WallTime(std::chrono::seconds(1'700'000'060));
  out.reloads_done = 3;
  out.reloads_refused = 2;
  return out;
}

TEST(ProcessFactsTest, AreMetrics) {
  for (const char* problem : {"", "no space left"}) {
    ProcessFacts told = facts();
    told.state_problem = problem;
    MetricsWriter out;
    write_facts(out, "meridian_dns", told);
    const std::string text = out.take();
    for (const char* sample :
         {"\nmeridian_dns_build_info{version=\"1.2.3\"} 1\n", "\nmeridian_dns_start_time_seconds 1700000001\n",
          "\nmeridian_dns_config_info{hash=\"00000000000000ab\"} 1\n",
          "\nmeridian_dns_configured_time_seconds 1700000060\n", "\nmeridian_dns_reloads_total{outcome=\"done\"} 3\n",
          "\nmeridian_dns_reloads_total{outcome=\"refused\"} 2\n", "\nmeridian_dns_log_dropped_total "}) {
      EXPECT_THAT(text, HasSubstr(sample));
    }
    EXPECT_THAT(text, HasSubstr(*problem == 0 ? "\nmeridian_dns_state_unwritten 0\n" : "_state_unwritten 1\n"));
  }
}

TEST(ProcessFactsTest, AreInTheStatus) {
  boost::json::object status;
  put_facts(status, facts());
  EXPECT_EQ(status.at("version"), "1.2.3");
  EXPECT_EQ(status.at("config"), "/etc/meridian.yaml");
  EXPECT_EQ(status.at("config_hash"), "00000000000000ab");
  EXPECT_EQ(status.at("started"), "2023-11-14T22:13:21Z");
  EXPECT_EQ(status.at("configured"), "2023-11-14T22:14:20Z");
  EXPECT_EQ(status.at("reloads_done"), 3);
  EXPECT_EQ(status.at("reloads_refused"), 2);
  EXPECT_FALSE(status.contains("state_problem"));
  ProcessFacts ill = facts();
  ill.state_problem = "no space left";
  put_facts(status, ill);
  EXPECT_EQ(status.at("state_problem"), "no space left");
}

TEST(ProcessFactsTest, DiagnosticsHaveTheirLevel) {
  const LogCapture log;
  load::Diagnostics diagnostics;
  diagnostics.warning({}, "an option without an effect");
  diagnostics.error({}, "no such file");
  diagnostics.error({}, "no such zone");
  log_diagnostics(diagnostics);
  EXPECT_TRUE(log.contains("level=warn event=config_warning"));
  EXPECT_TRUE(log.contains("message=\"an option without an effect\""));
  EXPECT_TRUE(log.contains("level=error event=config_error"));
  EXPECT_TRUE(log.contains("message=\"no such zone\""));
  log_refusal(diagnostics);
  EXPECT_TRUE(log.contains("level=error event=reload_refused errors=2 reason=\"no such file\"")) << "the first";
}

}  // namespace
}  // namespace shared::process_facts_test
