#include "dns/load/config/config.h"

#include <gtest/gtest.h>

#include <string>

#include "shared/load/yaml.h"

namespace dns::config_test {
namespace {

struct Read {
  Config config;
  std::string problems;
};

Read read(const std::string& dns) {
  shared::load::Diagnostics diagnostics;
  const std::string text = "service: shop\nregions: {eu: {edges: [192.0.2.1]}}\ndns:\n" + dns;
  const auto document = shared::load::read_yaml_text(text, "c.yaml", {}, diagnostics);
  Read out;
  if (document) {
    const auto common = shared::load::read_config(*document, diagnostics);
    out.config = read_config(common, diagnostics);
  }
  out.problems = diagnostics.render();
  return out;
}

TEST(DnsConfig, TheLeastThatWorksHasTheDefaults) {
  const auto [config, problems] = read("  zones: {example.com: a.zone}\n");
  EXPECT_EQ(problems, "");
  ASSERT_EQ(config.listen.size(), 2U) << "both families";
  EXPECT_EQ(config.listen[0].value.to_string(), "0.0.0.0:53");
  EXPECT_EQ(config.listen[1].value.to_string(), "[::]:53");
  EXPECT_FALSE(config.workers);
  EXPECT_EQ(config.udp_payload_size, 1232U);
  EXPECT_EQ(config.tcp.idle_timeout, shared::Duration(shared::seconds(10)));
  EXPECT_EQ(config.tcp.max_connections, 10'000U);
  EXPECT_EQ(config.tcp.max_per_client, 1'000U);
  EXPECT_TRUE(config.cookies.enabled);
  EXPECT_EQ(config.rate_limit.mode, shared::Mode::shadow) << "it limits nobody until somebody says so";
  EXPECT_EQ(config.signed_zones, SignedZones::refuse);
}

TEST(DnsConfig, EveryOptionIsReadAsWritten) {
  const auto [config, problems] = read(R"(  listen: ["127.0.0.1:5300", "[::1]:5300"]
  workers: 3
  zones: {example.com: a.zone}
  zone_directory: zones.d
  signed_zones: warn
  nsid: node-1
  version: none of your business
  udp_payload_size: 1400B
  tcp: {idle_timeout: 3s, max_connections: 50, max_per_client: 5}
  resolvers: ["192.0.2.53:53"]
  cookies: {enabled: false, secrets: cookie.secrets}
  rate_limit: {mode: enforce, rate: 20/s, slip: 3}
)");
  EXPECT_EQ(problems, "");
  EXPECT_EQ(config.listen[1].value.to_string(), "[::1]:5300");
  EXPECT_EQ(config.workers, 3);
  EXPECT_EQ(config.zones[0].name, "example.com");
  EXPECT_EQ(config.zone_directory->value, "zones.d");
  EXPECT_EQ(config.signed_zones, SignedZones::warn);
  EXPECT_EQ(config.nsid, "node-1");
  EXPECT_EQ(config.version, "none of your business");
  EXPECT_EQ(config.udp_payload_size, 1400U);
  EXPECT_EQ(config.tcp.idle_timeout, shared::Duration(shared::seconds(3)));
  EXPECT_EQ(config.tcp.max_connections, 50U);
  EXPECT_EQ(config.tcp.max_per_client, 5U);
  ASSERT_EQ(config.resolvers.size(), 1U);
  EXPECT_EQ(config.resolvers[0].value.to_string(), "192.0.2.53:53");
  EXPECT_FALSE(config.cookies.enabled);
  EXPECT_EQ(config.cookies.secrets->value, "cookie.secrets");
  EXPECT_EQ(config.rate_limit.mode, shared::Mode::enforce);
  EXPECT_EQ(config.rate_limit.rate.per_second, 20);
  EXPECT_EQ(config.rate_limit.slip, 3U);
}

TEST(DnsConfig, WhatIsWrongIsSaidWithItsPlace) {
  const std::string zone = "  zones: {example.com: a.zone}\n";
  const auto said = [&](const std::string& dns, std::string_view what) {
    const std::string problems = read(dns).problems;
    EXPECT_NE(problems.find(what), std::string::npos) << what << "\nnot in\n" << problems;
  };
  said("  nsid: a\n", "there is nothing to serve: give `zones`, a `zone_directory`, or both");
  said(zone + "  listen: []\n", "listen: needs at least one address");
  said(zone + "  listen: [\"127.0.0.1:53\", \"127.0.0.1:53\"]\n",
       "c.yaml:5:28: error: listen: 127.0.0.1:53 stands twice");
  said(zone + "  nsid: " + std::string(256, 'x') + "\n", "longer than 255 octets");
  said(zone + "  rate_limit: {rate: 0.5/s}\n", "rate: from 1/s to 100000/s");
  said(zone + "  rate_limit: {rate: 100001/s}\n", "rate: from 1/s to 100000/s");
  said(zone + "  udp_payload_size: 511B\n", "udp_payload_size");
  said(zone + "  udp_payload_size: 4097B\n", "udp_payload_size");
  said(zone + "  workers: 0\n", "workers");
  said(zone + "  tcp: {max_conections: 1}\n", "did you mean 'max_connections'?");
  EXPECT_EQ(read(zone + "  listen: [\"127.0.0.1:0\", \"127.0.0.1:0\"]\n").problems, "") << "the system chooses two";
  EXPECT_EQ(read(zone + "  nsid: " + std::string(255, 'x') + "\n").problems, "");
}

// Names in other scripts have the form that resolvers ask for.
TEST(DnsConfig, ZonesAndNamesHaveTheFormOfTheWire) {
  const auto [config, problems] = read(
      "  zones: {b\u00fccher.example: a.zone}\n  policies: {p: [{failover: [eu]}]}\n"
      "  names: {www.b\u00fccher.example: {policy: p}}\n");
  ASSERT_EQ(config.zones.size(), 1U) << problems;
  EXPECT_EQ(config.zones[0].name, "xn--bcher-kva.example");
  EXPECT_EQ(config.names[0].name, "www.xn--bcher-kva.example");
}

TEST(DnsConfig, TlsOfProbesIsForProbesOverHttps) {
  EXPECT_NE(read("  zones: {example.com: a.zone}\n  probe_tls: {}\n").problems.find("health.edge.kind is not https"),
            std::string::npos);
}

TEST(DnsConfig, OverTlsNeedsAddressesOfItsOwnAndCertificates) {
  const std::string zones = "  zones: {example.com: a.zone}\n";
  const auto [config, problems] =
      read(zones + "  tls: {listen: \"127.0.0.1:853\", certificates: [{certificate: a.pem}], ticket_keys: t.keys}\n");
  EXPECT_EQ(problems, "");
  ASSERT_TRUE(config.tls);
  EXPECT_EQ(config.tls->listen.front().value.to_string(), "127.0.0.1:853");
  EXPECT_EQ(config.tls->ticket_keys->value.filename(), "t.keys");
  const auto said = [&](const std::string& tls) {
    return read(zones + "  listen: \"127.0.0.1:53\"\n  tls: " + tls + "\n").problems;
  };
  EXPECT_NE(said("{listen: \"127.0.0.1:853\", certificates: []}").find("at least one"), std::string::npos);
  EXPECT_NE(said("{listen: [], certificates: [{certificate: a.pem}]}").find("at least one address"), std::string::npos);
  EXPECT_NE(said("{listen: \"127.0.0.1:53\", certificates: [{certificate: a.pem}]}").find("stands twice"),
            std::string::npos);
  EXPECT_NE(said("{listen: \"127.0.0.1:853\"}").find("certificates"), std::string::npos);
}

}  // namespace
}  // namespace dns::config_test
