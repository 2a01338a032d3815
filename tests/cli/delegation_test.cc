#include "cli/delegation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cli::delegation_test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

NodeAnswers node(const std::string& address) {
  return {address,
          "",
          true,
          true,
          true,
          7,
          {"ns1.example.com.", "ns2.example.com."},
          {{"ns1.example.com.", {"192.0.2.53"}}, {"ns2.example.com.", {"198.51.100.53"}}}};
}

Delegation good() { return {"example.com.", {node("192.0.2.53"), node("198.51.100.53")}, true, false}; }

TEST(DelegationCheck, WhatIsGoodIsSentToTheRegistrar) {
  const Judged judged = judge(good());
  EXPECT_TRUE(judged.good);
  EXPECT_THAT(judged.lines, Not(Contains(StartsWith("WRONG"))));
  EXPECT_THAT(judged.lines, Contains("  NS ns1.example.com.  glue 192.0.2.53"));
  EXPECT_THAT(judged.lines, Contains("  DS none"));
}

TEST(DelegationCheck, EachFaultIsTold) {
  const std::vector<std::pair<std::string, void (*)(Delegation&)>> faults = {
      {"serials differ: 7 8", [](Delegation& d) { d.nodes[1].serial = 8; }},
      {"does not answer over TCP", [](Delegation& d) { d.nodes[0].tcp = false; }},
      {"does not answer with EDNS", [](Delegation& d) { d.nodes[0].edns = false; }},
      {"does not answer with authority", [](Delegation& d) { d.nodes[1].authoritative = false; }},
      {"198.51.100.53: no answer",
       [](Delegation& d) { d.nodes[1] = {"198.51.100.53", "no answer", false, false, false, {}, {}, {}}; }},
      {"different name servers", [](Delegation& d) { d.nodes[1].name_servers.erase("ns2.example.com."); }},
      {"needs glue", [](Delegation& d) { d.nodes[0].addresses.erase("ns1.example.com."); }},
      {"different addresses", [](Delegation& d) { d.nodes[1].addresses["ns1.example.com."] = {"192.0.2.54"}; }},
      {"is the address of no name server", [](Delegation& d) { d.nodes[1].address = "203.0.113.53"; }},
      {"registries want two", [](Delegation& d) { d.nodes.pop_back(); }},
      {"a DS record at the parent", [](Delegation& d) { d.ds_at_parent = true; }}};
  for (const auto& [told, spoil] : faults) {
    Delegation delegation = good();
    spoil(delegation);
    const Judged judged = judge(delegation);
    EXPECT_FALSE(judged.good) << told;
    EXPECT_THAT(judged.lines, Contains(HasSubstr(told)));
    EXPECT_THAT(judged.lines, Not(Contains(HasSubstr("For the registrar")))) << told;
  }
}

TEST(DelegationCheck, ANameServerOutsideNeedsNoGlue) {
  Delegation delegation = good();
  for (NodeAnswers& answers : delegation.nodes) {
    answers.name_servers = {"ns1.example.net.", "ns2.example.net."};
    answers.addresses.clear();
  }
  const Judged judged = judge(delegation);
  EXPECT_TRUE(judged.good);
  EXPECT_THAT(judged.lines, Contains("  NS ns1.example.net."));
}

}  // namespace
}  // namespace cli::delegation_test
