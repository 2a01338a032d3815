#include "dns/serve/control/report.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dns/serve/control/lone_server.h"

namespace dns::metrics_test {
namespace {

using MetricsTest = LoneServer;

TEST_F(MetricsTest, CountsWhatIsAskedAndAnswered) {
  EXPECT_EQ(ask().size(), 1U);
  EXPECT_EQ(ask("ns.example.com").size(), 1U);
  EXPECT_EQ(ask("nobody.example.com").size(), 0U);
  EXPECT_EQ(ask("elsewhere.test").size(), 0U);
  EXPECT_TRUE(eventually([this] { return metric("meridian_dns_queries_total{transport=\"udp\"}") == "4"; }));
  for (const auto& [sample, value] : std::vector<std::pair<std::string, std::string>>{
           {"queries_total{transport=\"tcp\"}", "0"},
           {"query_types_total{type=\"A\"}", "4"},
           {"query_types_total{type=\"AAAA\"}", "-"},
           {"answers_total{kind=\"policy\"}", "1"},
           {"answers_total{kind=\"data\"}", "1"},
           {"answers_total{kind=\"nxdomain\"}", "1"},
           {"answers_total{kind=\"refused\"}", "1"},
           {"answers_total{kind=\"nodata\"}", "-"},
           {"responses_total{rcode=\"NOERROR\"}", "2"},
           {"responses_total{rcode=\"NXDOMAIN\"}", "1"},
           {"responses_total{rcode=\"REFUSED\"}", "1"},
           {"unanswered_total", "0"},
           {"subnet_queries_total", "0"},
           {"tcp_accepted_total", "0"},
           {"tcp_open", "0"},
           {"tcp_closed_total{reason=\"idle\"}", "0"},
           {"zone_serial{zone=\"example.com.\"}", "5"},
           {"geo_databases_total{outcome=\"taken\"}", "0"},
           {"geo_databases_total{outcome=\"refused\"}", "0"},
           {"geo_database_waits", "0"},
           {"start_problems", "0"},
           {"last_good_configuration", "0"},
           {"broken_zones{serves=\"last_good\"}", "0"},
           {"broken_zones{serves=\"nothing\"}", "0"},
           {"edge_held_down_seconds{region=\"one\",edge=\"127.0.0.1\"}", "0"}}) {
    EXPECT_EQ(metric("meridian_dns_" + sample), value) << sample;
  }
  EXPECT_TRUE(eventually([this] { return metric("meridian_dns_last_good_kept") == "1"; }));
  // One that asks nothing is of no type.
  const auto fd = connect_to(SOCK_DGRAM, dns_);
  const std::array<std::uint8_t, 12> nothing{1, 2};
  ASSERT_EQ(::send(fd.get(), nothing.data(), nothing.size(), 0), static_cast<ssize_t>(nothing.size()));
  std::array<std::uint8_t, 512> reply{};
  ASSERT_GE(::recv(fd.get(), reply.data(), reply.size(), 0), 12);
  EXPECT_EQ(reply[3] & 15, 1) << "FORMERR";
  EXPECT_TRUE(eventually([this] { return metric("meridian_dns_query_types_total{type=\"other\"}") == "1"; }));
  EXPECT_EQ(metric("meridian_dns_query_types_total{type=\"A\"}"), "4");
}

TEST_F(MetricsTest, HasAMetricBeforeThereIsAnythingToCount) {
  const std::string metrics = http("GET", "/metrics");
  for (const char* sample :
       {"meridian_dns_isolated 0", "meridian_dns_tls_handshakes_total{resumed=\"true\"} 0",
        "meridian_dns_tls_handshakes_total{resumed=\"false\"} 0", "meridian_dns_probe_rounds_discarded_total 0",
        "meridian_dns_send_failures_total 0", "meridian_dns_ttl_seconds{name=\"www.example.com\"} 60"}) {
    EXPECT_NE(metrics.find("\n" + std::string(sample) + "\n"), std::string::npos) << sample;
  }
}

TEST_F(MetricsTest, CountsInShadowWhatALimitWouldDecline) {
  start_with("  workers: 2", "  workers: 1\n  rate_limit: {mode: shadow, rate: 1/s}");
  const auto counted = [this] {
    EXPECT_EQ(ask().size(), 1U) << "and declines nothing";
    return http("GET", "/metrics").find("meridian_dns_rate_limited_total{mode=\"shadow\"") != std::string::npos;
  };
  EXPECT_TRUE(eventually(counted));
}

// The counts of publications that no worker reads any more.
TEST_F(MetricsTest, CountsOnThroughReloads) {
  const std::string sample = "meridian_dns_steered_total{name=\"www.example.com\",region=\"one\"} ";
  const auto counted = [&] {
    const std::string metrics = http("GET", "/metrics");
    const auto at = metrics.find(sample);
    return at == std::string::npos ? 0UL : std::stoul(metrics.substr(at + sample.size()));
  };
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(answers("127.0.0.1"));
  EXPECT_TRUE(eventually([&] { return counted() >= 5; }));
  const auto before = counted();
  for (int i = 0; i < 2; ++i) {
    EXPECT_NE(http("POST", "/reload").find(" 200 "), std::string::npos);
    EXPECT_EQ(counted(), before) << "each once";
  }
  EXPECT_TRUE(answers("127.0.0.1"));
  EXPECT_TRUE(eventually([&] { return counted() == before + 1; })) << counted();
}

}  // namespace
}  // namespace dns::metrics_test
