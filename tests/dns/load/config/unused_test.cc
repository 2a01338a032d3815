#include "dns/load/config/unused.h"

#include <gtest/gtest.h>

#include <string>

#include "shared/load/yaml.h"

namespace dns::unused_test {
namespace {

// What is said of the policies and names of a configuration with three regions, of which `far` has no place.
std::string said(const std::string& dns) {
  shared::load::Diagnostics diagnostics;
  const std::string text =
      "service: shop\nregions:\n  eu: {location: [53, -6], edges: [192.0.2.1]}\n"
      "  us: {location: [39, -77], edges: [192.0.2.2]}\n  far: {edges: [192.0.2.3]}\n"
      "dns:\n  zones: {example.com: a.zone}\n" +
      dns;
  const auto document = shared::load::read_yaml_text(text, "c.yaml", {}, diagnostics);
  if (!document) return diagnostics.render();
  const auto common = shared::load::read_config(*document, diagnostics);
  const Config config = read_config(common, diagnostics);
  EXPECT_FALSE(diagnostics.failed()) << diagnostics.render();
  shared::load::Diagnostics unused;
  warn_of_unused(config, common, unused);
  EXPECT_FALSE(unused.failed()) << "it is a doubt, no error";
  return unused.render();
}

const std::string kNames = "  names: {www.example.com: {policy: p}}\n";

TEST(Unused, WhatEverythingUsesIsNotSpokenOf) {
  EXPECT_EQ(said("  policies: {p: [{failover: [eu, us, far]}]}\n" + kNames), "");
}

TEST(Unused, APolicyThatNoNameHas) {
  EXPECT_EQ(said("  policies:\n    p: [{failover: [eu, us, far]}]\n    q: [{failover: [eu]}]\n" + kNames),
            "c.yaml:10:5: warning: policy 'q' is used by no name\n");
}

TEST(Unused, ARegionThatNoStepNames) {
  EXPECT_EQ(said("  policies: {p: [{failover: [eu, us]}]}\n" + kNames),
            "c.yaml:5:3: warning: region 'far' stands in no step of a policy: no client is sent there\n");
}

TEST(Unused, EveryKindOfStepNamesRegions) {
  for (const char* step : {"subnets: {198.51.100.0/24: [far]}", "resolvers: {198.51.100.1: [far]}",
                           "asn: {64500: [far]}", "geo: {EU: [far]}", "failover: [{far: 3, us: 1}]"}) {
    EXPECT_EQ(said("  policies: {p: [{" + std::string(step) + "}, {failover: [eu, us]}]}\n" + kNames), "") << step;
  }
}

// `nearest` gives every region that has a place, and only those.
TEST(Unused, NearestNamesWhatHasAPlace) {
  EXPECT_EQ(said("  policies: {p: [{nearest: {}}]}\n" + kNames),
            "c.yaml:5:3: warning: region 'far' stands in no step of a policy: no client is sent there\n");
}

TEST(Unused, WithoutPoliciesOrWithAnOverridesFileNothingIsMissing) {
  EXPECT_EQ(said(""), "");
  EXPECT_EQ(said("  geo: {overrides: o.yaml}\n  policies: {p: [{failover: [eu]}]}\n" + kNames), "")
      << "its rows may name any region";
}

}  // namespace
}  // namespace dns::unused_test
