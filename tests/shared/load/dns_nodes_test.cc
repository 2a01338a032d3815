#include "shared/load/dns_nodes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "shared/load/yaml.h"
#include "tests/shared/load/helpers.h"

namespace shared::load::dns_nodes_test {
namespace {

using testing::problems_of;

struct Read {
  Node document;
  std::string own;
  std::string problems;
};

Read put(const std::string& text, const NodeChoice& choice = {}) {
  Diagnostics diagnostics;
  Read out;
  out.document = read_yaml_text(text, "c.yaml", testing::no_environment(), diagnostics).value();
  out.own = put_node(out.document, choice, diagnostics);
  out.problems = diagnostics.render();
  return out;
}

const std::string kNodes = R"(admin: {dns: "{node}:5380", edge: "{node}:1"}
metrics: {dns: ["127.0.0.1:9100", "{node}:9100"]}
dns:
  nodes:
    ns1: {address: [192.0.2.53, "2001:db8::53"]}
    ns2: {address: 198.51.100.53, admin: "ssh:root@ns2.example"}
  listen: ["{node}:53"]
  nsid: "{node} of {node}"
  tls: {listen: "{node}:853", certificates: [{certificate: "tls/{node}.pem"}]}
)";

std::vector<std::string> texts(const Node* node) {
  std::vector<std::string> out;
  for (const Node& child : node->children) out.push_back(child.text);
  return out;
}

TEST(DnsNodes, StandsForTheNodeWhereDnsNodesRead) {
  const Read second = put(kNodes, {.name = "ns2"});
  EXPECT_EQ(second.problems, "");
  EXPECT_EQ(second.own, "ns2");
  const Node& dns = *second.document.find("dns");
  EXPECT_EQ(texts(dns.find("listen")), std::vector<std::string>{"198.51.100.53:53"});
  EXPECT_EQ(dns.find("nsid")->text, "ns2 of ns2");
  EXPECT_EQ(dns.find("tls")->find("listen")->text, "198.51.100.53:853") << "one stays one";
  EXPECT_EQ(dns.find("tls")->find("certificates")->children.at(0).find("certificate")->text, "tls/ns2.pem");
  EXPECT_EQ(second.document.find("admin")->find("dns")->text, "198.51.100.53:5380");
  EXPECT_EQ(second.document.find("admin")->find("edge")->text, "{node}:1") << "an edge is no DNS node";
}

TEST(DnsNodes, HasAllAddressesOfANodeWithSeveral) {
  const Read first = put(kNodes, {.name = "ns1"});
  EXPECT_EQ(first.problems, "");
  const Node& dns = *first.document.find("dns");
  EXPECT_EQ(texts(dns.find("listen")), (std::vector<std::string>{"192.0.2.53:53", "[2001:db8::53]:53"}));
  EXPECT_EQ(texts(dns.find("tls")->find("listen")), (std::vector<std::string>{"192.0.2.53:853", "[2001:db8::53]:853"}));
  EXPECT_EQ(texts(first.document.find("metrics")->find("dns")),
            (std::vector<std::string>{"127.0.0.1:9100", "192.0.2.53:9100", "[2001:db8::53]:9100"}));
}

NodeChoice with_addresses(std::vector<std::string> own) {
  return {.name = {}, .is_own = [own](const IpAddress& address) {
            return std::find(own.begin(), own.end(), address.to_string()) != own.end();
          }};
}

TEST(DnsNodes, KnowsItselfByItsAddress) {
  EXPECT_EQ(put(kNodes).own, "ns1") << "who is no node takes the first";
  EXPECT_EQ(put(kNodes, with_addresses({"198.51.100.53"})).own, "ns2");
  EXPECT_EQ(put(kNodes, with_addresses({"192.0.2.53", "2001:db8::53"})).own, "ns1") << "both are one node's";
  EXPECT_EQ(put(kNodes, with_addresses({"192.0.2.99"})).problems,
            "c.yaml:7:12: error: this machine has no address of a node in dns.nodes: say which one this is with --node "
            "NAME: ns1, ns2\n");
  EXPECT_EQ(put(kNodes, with_addresses({"192.0.2.53", "198.51.100.53"})).problems,
            "c.yaml:7:12: error: this machine has addresses of ns1 and of ns2: say which node this is with --node "
            "NAME\n");
  EXPECT_EQ(put(kNodes, {.name = "ns3"}).problems,
            "c.yaml:5:5: error: --node ns3: dns.nodes has no such node, but ns1, ns2\n");
}

TEST(DnsNodes, WantsNodesWhereOneIsMeant) {
  EXPECT_EQ(put("dns:\n  nsid: \"{node}\"\n").problems,
            "c.yaml:2:9: error: {node} stands for the node that reads this, and dns.nodes has none: nodes: {ns1: "
            "{address: 192.0.2.53}}\n");
  EXPECT_EQ(put("dns: {nsid: plain}\n", with_addresses({})).problems, "");
  EXPECT_EQ(put("edge: {}\n", with_addresses({})).problems, "");
  const Read unused = put("dns:\n  nodes: {ns1: {address: 192.0.2.53}}\n", with_addresses({}));
  EXPECT_EQ(unused.problems + unused.own, "") << "nothing but --all reads the list";
}

TEST(DnsNodes, AreCheckedByTheirReader) {
  EXPECT_EQ(problems_of(dns_nodes_reader(), "{a: {address: 192.0.2.1}, b: {address: [192.0.2.1]}}"),
            "c.yaml:1:46: error: address 192.0.2.1 is node a's already: by it each knows itself\n");
  for (const char* good :
       {"ssh:ns1.example", "\"ssh://root@[2001:db8::1]:2222\"", "unix:/run/ns1.sock", "127.0.0.1:5380"}) {
    EXPECT_EQ(problems_of(dns_nodes_reader(), "{a: {address: 192.0.2.1, admin: " + std::string(good) + "}}"), "");
  }
  for (const char* bad :
       {"\"ssh:\"", "\"ssh:-oProxyCommand=x\"", "\"ssh:a b\"", "ns1.example", "\"{edge}:1\"", "127.0.0.1:0"}) {
    EXPECT_NE(problems_of(dns_nodes_reader(), "{a: {address: 192.0.2.1, admin: " + std::string(bad) + "}}"), "") << bad;
  }
}

TEST(DnsNodes, AreReachedBySshIfNothingElseIsSaid) {
  DnsNode node;
  node.addresses.push_back({*IpAddress::parse("192.0.2.53"), {}});
  EXPECT_EQ(node.admin_or_default(), "ssh:192.0.2.53");
  node.admin = "unix:/run/ns1.sock";
  EXPECT_EQ(node.admin_or_default(), "unix:/run/ns1.sock");
  EXPECT_EQ(ssh_destination("ssh:root@192.0.2.53"), "root@192.0.2.53");
  EXPECT_EQ(ssh_destination("ssh://root@192.0.2.53:2222"), "ssh://root@192.0.2.53:2222");
}

}  // namespace
}  // namespace shared::load::dns_nodes_test
