#include "shared/load/config.h"

#include <gtest/gtest.h>

#include "tests/shared/load/helpers.h"

namespace shared::load::config_test {
namespace {

using testing::kMinimal;
using testing::read;

std::string problems(const std::string& more) { return read(std::string(kMinimal) + more).problems; }

TEST(Config, MinimalHasTheDefaults) {
  const auto [config, problems] = read(kMinimal);
  EXPECT_EQ(problems, "");
  EXPECT_EQ(config.service, "shop");
  EXPECT_EQ(config.health.edge.interval, Duration(seconds(2)));
  EXPECT_EQ(config.health.edge.effective_port(), 80);
  EXPECT_EQ(config.health.isolation_hold, Duration(seconds(60)));
  EXPECT_TRUE(config.admin.dns.empty() && config.admin.edge.empty()) << "the Unix socket is there without a word";
  EXPECT_FALSE(config.dns);
  EXPECT_TRUE(config.edge);
  EXPECT_EQ(region_of_edge(config, *IpAddress::parse("192.0.2.1")), 0U);
  EXPECT_EQ(region_of_edge(config, *IpAddress::parse("192.0.2.2")), std::nullopt);
  EXPECT_EQ(dns_state_directory(config), "/var/lib/meridian/dns");
  EXPECT_EQ(edge_state_directory(config, *IpAddress::parse("192.0.2.1")), "/var/lib/meridian/edge-192.0.2.1");
}

TEST(Config, ReadsEverySection) {
  const auto [config, problems] = read(R"(service: shop
regions:
  us-east: {location: [38.95, -77.45], edges: [127.0.1.1, "::1"]}
  eu: {edges: [127.0.3.1]}
health:
  edge: {kind: https, host: www.example.com, path: /up, interval: 1s, timeout: 500ms, fall: 2, rise: 1}
  start_wait: 1s
admin: {dns: unix:/run/dns.sock, edge: ["{edge}:0", "127.0.0.1:9180"]}
state_directory: state
log: {level: debug}
dns: {anything: here}
)");
  EXPECT_EQ(problems, "");
  ASSERT_EQ(config.regions.size(), 2U);
  EXPECT_EQ(config.regions[0].name, "us-east");
  EXPECT_EQ(config.regions[0].value.location->longitude, -77.45);
  EXPECT_EQ(config.regions[0].value.edges.size(), 2U);
  EXPECT_EQ(config.health.edge.effective_port(), 443);
  EXPECT_EQ(config.health.edge.settings().fall, 2);
  EXPECT_EQ(config.admin.edge.size(), 2U);
  EXPECT_EQ(config.state_directory, "state");
  EXPECT_EQ(config.log.level, LogLevel::debug);
  EXPECT_NE(config.dns->find("anything"), nullptr);
}

TEST(Config, AllErrorsAtOnce) {
  EXPECT_EQ(
      read(R"(regions:
  eu: {location: [53.35], edges: [192.0.2.1]}
  us: {location: [91, 0], edges: [192.0.2.300]}
  asia: {edges: [192.0.2.1], edgse: 5}
health: {edge: {interval: 2}}
servce: shop
)")
          .problems,
      "c.yaml:2:18: error: location: expected [latitude, longitude] in degrees, such as [53.35, -6.26], not a list\n"
      "c.yaml:3:19: error: '91' is out of range: -90 to 90\n"
      "c.yaml:3:35: error: expected an IP address such as 192.0.2.1 or 2001:db8::1, not '192.0.2.300'\n"
      "c.yaml:4:30: error: unknown key 'edgse' (did you mean 'edges'?)\n"
      "c.yaml:5:27: error: interval: '2' has no unit; write a duration such as 5s (units: ms, s, m, h, d)\n"
      "c.yaml:6:1: error: unknown key 'servce' (did you mean 'service'?)\n"
      "c.yaml:1:1: error: the key 'service' is missing\n"
      "c.yaml:4:18: error: edge 192.0.2.1 is already in region 'eu' (c.yaml:2:35)\n"
      "c.yaml:1:1: warning: neither 'dns' nor 'edge' is configured: no server can start with this file\n");
}

TEST(Config, ARegionHasEdgesOrACname) {
  const auto said = [](const std::string& region) {
    return read("service: shop\nedge: {}\nregions: {eu: {" + region + "}}\n").problems;
  };
  EXPECT_EQ(said("cname: shop.cdn.example, probe: {addresses: 192.0.2.1}"), "");
  EXPECT_EQ(said("location: [1, 2]"),
            "c.yaml:3:15: error: a region needs `edges`, or the `cname` of somebody else's platform\n");
  EXPECT_EQ(said("edges: [192.0.2.1], cname: a.example"),
            "c.yaml:3:43: error: a region has `edges` or a `cname`, not both\n");
  EXPECT_EQ(said("edges: [192.0.2.1], probe: {addresses: 192.0.2.1}"),
            "c.yaml:3:36: error: `probe` is for a region with a `cname`; edges are probed by health.edge\n");
  EXPECT_EQ(said("cname: a.example, probe: {addresses: []}"),
            "c.yaml:3:41: error: probe: needs at least one address\n");
  EXPECT_EQ(said("cname: a.example, probe: {addresses: 192.0.2.1, kind: tcp}"),
            "c.yaml:3:41: error: probe: kind tcp needs a port\n");
}

TEST(Config, RegionsMustMakeSense) {
  EXPECT_EQ(read("service: shop\nedge: {}\nregions: {}\n").problems,
            "c.yaml:3:10: error: regions: there must be at least one region\n");
  EXPECT_EQ(read("service: shop\nedge: {}\n").problems, "c.yaml:1:1: error: the key 'regions' is missing\n");
  EXPECT_EQ(read("service: shop\nedge: {}\nregions: {eu: {edges: []}}\n").problems,
            "c.yaml:3:23: error: edges: region 'eu' has no edge\n");
  EXPECT_EQ(
      read("service: shop\nedge: {}\nregions: {eu: {edges: [0.0.0.0, 224.0.0.1, 192.0.2.1, 192.0.2.1]}}\n").problems,
      "c.yaml:3:24: error: '0.0.0.0' is not the address of a host\n"
      "c.yaml:3:33: error: '224.0.0.1' is not the address of a host\n"
      "c.yaml:3:55: error: edge 192.0.2.1 is already in region 'eu' (c.yaml:3:44)\n");
}

TEST(Config, HealthMustMakeSense) {
  EXPECT_EQ(problems("health: {edge: {hold_down: 10m}}\n"),
            "c.yaml:4:16: error: edge: hold_down (10m) is longer than hold_down_max (5m)\n");
  EXPECT_EQ(problems("health: {edge: {interval: 1s, timeout: 2s}}\n"),
            "c.yaml:4:16: error: edge: timeout (2s) is longer than interval (1s): probes would overlap\n");
  EXPECT_EQ(problems("health: {edge: {kind: tcp, path: /x}}\n"),
            "c.yaml:4:16: error: edge: kind tcp needs a port\n"
            "c.yaml:4:28: warning: path has no meaning for kind tcp\n");
  EXPECT_EQ(problems("health: {edge: {path: x}}\n"),
            "c.yaml:4:23: error: path: expected a path that starts with /, not 'x'\n");
  EXPECT_EQ(problems("health: {edge: {kind: htps}}\n"),
            "c.yaml:4:23: error: kind: unknown value 'htps' (did you mean 'https'?)\n");
}

TEST(Config, AdminStaysOnLoopback) {
  EXPECT_EQ(problems("admin: {dns: \"{edge}:5380\"}\n"),
            "c.yaml:4:14: error: dns: {edge} stands for the address of an edge; that of a DNS node is {node}\n");
  EXPECT_EQ(problems("admin: {dns: 0.0.0.0:5380}\n"),
            "c.yaml:4:14: error: '0.0.0.0:5380' is not a loopback address: the admin port is for this machine "
            "alone; use 127.0.0.1, [::1] or a Unix socket, and `metrics` for what others may see\n");
  EXPECT_EQ(problems("admin: {edge: \"{edge}:9180\"}\n"),
            "c.yaml:2:24: error: admin.edge listens on {edge}, and edge 192.0.2.1 is not a loopback address: the admin "
            "port is for this machine alone\n");
  EXPECT_EQ(problems("metrics: {dns: \"{edge}:9100\"}\n"),
            "c.yaml:4:16: error: dns: {edge} stands for the address of an edge; that of a DNS node is {node}\n");
  EXPECT_EQ(problems("metrics: {dns: \"0.0.0.0:9100\", edge: \"{edge}:9100\", allow: [192.0.2.0/24]}\n"), "");
}

TEST(Config, NullSectionIsPresent) {
  EXPECT_TRUE(read("service: a\nregions: {eu: {edges: [192.0.2.1]}}\ndns:\n").config.dns);
}

TEST(Config, TheFilterOfSystemCallsIsOnUnlessSomebodySaysOtherwise) {
  EXPECT_EQ(read(kMinimal).config.system_calls, Mode::enforce);
  EXPECT_EQ(read(std::string(kMinimal) + "system_calls: shadow\n").config.system_calls, Mode::shadow);
  EXPECT_NE(read(std::string(kMinimal) + "system_calls: on\n").problems, "");
}

}  // namespace
}  // namespace shared::load::config_test
