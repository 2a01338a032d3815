#include "dns/load/geo/policies.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "dns/core/steer/preference.h"
#include "shared/load/yaml.h"
#include "tests/support/paths.h"

namespace dns::policies_test {
namespace {

using shared::load::Diagnostics;

constexpr const char* kRegions = R"(
service: shop
regions:
  us-east: {location: [38.95, -77.45],  edges: [192.0.2.11]}
  us-west: {location: [45.59, -121.18], edges: [198.51.100.21]}
  eu:      {location: [53.35, -6.26],   edges: [203.0.113.31]}
health: {edge: {kind: http}}
)";

struct Built {
  std::shared_ptr<const PolicyTables> tables;
  std::string messages;
};

// Reads `dns` parts written as YAML, as dns/load/config/config.h does, against the small city database of the fixtures.
Built build(const std::string& yaml) {
  Diagnostics diagnostics;
  const shared::load::YamlSettings settings;
  Diagnostics of_common;  // it misses the section that is read here by itself
  const auto common_tree = shared::load::read_yaml_text(kRegions, "common.yaml", settings, of_common);
  const auto common = shared::load::read_config(*common_tree, of_common);
  const auto tree = shared::load::read_yaml_text(yaml, "x.yaml", settings, diagnostics);
  SteeringConfig config;
  if (const auto* geo = tree->find("geo")) config.geo = geo_table().read(*geo, diagnostics);
  if (const auto* node = tree->find("policies")) {
    config.policies = policies_reader().read(*node, diagnostics).value_or(config.policies);
  }
  if (const auto* node = tree->find("names")) {
    config.names = names_reader().read(*node, diagnostics).value_or(config.names);
  }
  Built built;
  if (!diagnostics.failed()) {
    built.tables = build_policies(
        config, common, {{load_geo(config.geo, diagnostics), load_systems(config.geo, diagnostics)}}, diagnostics);
  }
  built.messages = diagnostics.render();
  return built;
}

std::string geo_line() { return "geo: {database: " + ::test::build_file("geo/city-28.mmdb").string() + "}\n"; }

std::string order_of(const Built& built, const char* address) {
  const auto& policy = built.tables->compiled()[0];
  return to_string(policy.classes[policy.clients.lookup(*shared::IpAddress::parse(address)).value],
                   built.tables->spec().regions);
}

TEST(PoliciesConfig, ReadsEveryStepAndEveryOptionOfAName) {
  const Built built = build(geo_line() + R"(
policies:
  closest:
    - fence: {EU: [eu, us-east]}
    - subnets: {"198.51.100.0/24": [us-west], "2001:db8:9::/48": eu}
    - resolvers: {"9.9.9.9": [eu]}
    - geo: {EU: [eu], "NA-US-CA": [us-west], NA: [{us-east: 3, us-west: 1}]}
    - nearest: {bias: {eu: 10}}
    - failover: [us-east, us-west, eu]
names:
  www.example.com: {policy: closest, ttl: {min: 5s, max: 2m}, answers: 2, when_all_down: nodata, families: a}
)");
  ASSERT_TRUE(built.tables) << built.messages;
  EXPECT_EQ(built.messages, "");
  EXPECT_EQ(order_of(built, "128.32.1.1"), "[us-west, us-east, eu]");
  EXPECT_EQ(order_of(built, "203.0.113.1"), "[eu, us-east]");
  EXPECT_EQ(order_of(built, "198.51.100.1"), "[us-west, us-east, eu]");
  EXPECT_EQ(order_of(built, "10.0.0.1"), "[us-east, us-west, eu]");
  const auto& profile = built.tables->profiles()[0];
  EXPECT_EQ(profile.ttl_min, 5u);
  EXPECT_EQ(profile.ttl_max, 120u);
  EXPECT_EQ(profile.answers, 2u);
  EXPECT_EQ(profile.when_all_down, WhenAllDown::nodata);
  EXPECT_TRUE(profile.has_a);
  EXPECT_FALSE(profile.has_aaaa);
}

TEST(PoliciesConfig, FindsEveryErrorWithItsPlace) {
  const Built built = build(R"(
policies:
  a:
    - failover: [us-east, eux]
    - geo: {Europe: [eu]}
    - subnets: {"198.51.100.7/24": [eu]}
  b: []
names:
  www.example.com: {policy: c, ttl: {min: 5s, max: 60s}}
)");
  EXPECT_FALSE(built.tables);
  for (const char* expected :
       {"x.yaml:4:27: error: unknown region 'eux' (did you mean 'eu'?)", "x.yaml:5:13: error: 'Europe'",
        "x.yaml:6:17: error: ", "did you mean 198.51.100.0/24?", "x.yaml:7:3: error: policy 'b' has no steps",
        "x.yaml:9:29: error: unknown policy 'c'"}) {
    EXPECT_NE(built.messages.find(expected), std::string::npos) << expected << "\nnot in\n" << built.messages;
  }
}

TEST(PoliciesConfig, AStepIsOneOfTheKnownKinds) {
  const Built unknown = build("policies: {a: [{latency: {switch_gain: 10ms}}]}\n");
  EXPECT_NE(unknown.messages.find("unknown key 'latency'"), std::string::npos) << unknown.messages;
  const Built two = build("policies: {a: [{nearest: {}, failover: [eu]}]}\n");
  EXPECT_NE(two.messages.find("one step, one kind"), std::string::npos) << two.messages;
  const Built none = build("policies: {a: [{}]}\n");
  EXPECT_NE(none.messages.find("a step is one of subnets, resolvers, asn, geo, nearest, failover, fence"),
            std::string::npos)
      << none.messages;
  const Built empty = build("policies: {a: [{failover: []}]}\n");
  EXPECT_NE(empty.messages.find("at least one region"), std::string::npos) << empty.messages;
}

TEST(PoliciesConfig, TheCompilersFindingsHavePlaces) {
  const Built built = build(geo_line() + R"(policies:
  a:
    - geo: {AS: [eu]}
    - failover: [eu]
names:
  www.example.com: {policy: a}
)");
  EXPECT_FALSE(built.tables);
  EXPECT_NE(built.messages.find("x.yaml:4:13: error: geo row AS can never match a client: "), std::string::npos)
      << built.messages;
  const Built dead = build("policies:\n  a:\n    - failover: [eu]\n    - failover: [eu]\n");
  ASSERT_TRUE(dead.tables) << dead.messages;
  EXPECT_NE(dead.messages.find("x.yaml:4:7: warning: step 'failover' of policy 'a' never changes an order"),
            std::string::npos)
      << dead.messages;
}

TEST(PoliciesConfig, TtlsAreWholeSecondsInOrder) {
  const char* const policies = "policies: {a: [{failover: [eu]}]}\n";
  const Built reversed = build(std::string(policies) + "names: {n: {policy: a, ttl: {min: 60s, max: 5s}}}\n");
  EXPECT_NE(reversed.messages.find("is longer than max"), std::string::npos) << reversed.messages;
  const Built fraction = build(std::string(policies) + "names: {n: {policy: a, ttl: {min: 1500ms, max: 5s}}}\n");
  EXPECT_NE(fraction.messages.find("whole number of seconds"), std::string::npos) << fraction.messages;
}

// A file of corrections, gone with the test.
class OverridesFile {
 public:
  explicit OverridesFile(const std::string& text)
      : path_(testing::TempDir() + "/meridian-overrides-" + std::to_string(::getpid()) + ".yaml") {
    std::ofstream(path_) << text;
  }
  ~OverridesFile() { std::remove(path_.c_str()); }
  OverridesFile(const OverridesFile&) = delete;
  OverridesFile& operator=(const OverridesFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string geo_with(const std::string& more) {
  return "geo: {database: " + ::test::build_file("geo/city-28.mmdb").string() + ", " + more + "}\n";
}

constexpr const char* kAsnPolicies = R"(
policies:
  a:
    - fence: {EU: [eu, us-east]}
    - asn: {AS64498: [us-west, us-east], 25: us-east}
    - geo: {EU: [eu], NA: [us-west]}
    - failover: [us-east, us-west, eu]
names: {www.example.com: {policy: a}}
)";

std::string asn_file() { return "asn: " + ::test::build_file("geo/asn-24.mmdb").string(); }

TEST(PoliciesConfig, AutonomousSystemsHaveADatabaseOfTheirOwn) {
  const Built built = build(geo_with(asn_file()) + kAsnPolicies);
  ASSERT_TRUE(built.tables) << built.messages;
  EXPECT_EQ(built.messages, "");
  EXPECT_EQ(order_of(built, "128.32.1.1"), "[us-east, us-west, eu]") << "AS25";
  EXPECT_EQ(order_of(built, "131.215.1.1"), "[us-west, us-east, eu]");
  EXPECT_EQ(order_of(built, "203.0.113.1"), "[us-east, eu]") << "AS64498, and the fence stands";
  const Built broken = build(geo_with(asn_file()) + "policies: {a: [{asn: {ASX: [eu], 7: [eu], AS7: [eu]}}]}\n");
  for (const char* expected : {"'ASX' is not the number of an autonomous system", "AS7 has two rows here"}) {
    EXPECT_NE(broken.messages.find(expected), std::string::npos) << broken.messages;
  }
}

TEST(PoliciesConfig, TheOverridesFileCorrectsPlacesSystemsAndOrders) {
  const OverridesFile file(R"(
128.32.0.0/24: EU-DE
131.215.0.0/16: {asn: 25, reason: "ticket 4711"}
203.0.113.64/26: {place: NA-US-CA, location: [37.8, -122.3]}
192.0.2.0/24: {regions: [eu, us-west]}
)");
  const Built built = build(geo_with(asn_file() + ", overrides: " + file.path()) + kAsnPolicies);
  ASSERT_TRUE(built.tables) << built.messages;
  EXPECT_EQ(order_of(built, "128.32.0.1"), "[us-east, eu]") << "German now, in the fence, still of AS25";
  EXPECT_EQ(order_of(built, "128.32.1.1"), "[us-east, us-west, eu]");
  EXPECT_EQ(order_of(built, "131.215.1.1"), "[us-east, us-west, eu]");
  EXPECT_EQ(order_of(built, "203.0.113.65"), "[us-west, us-east, eu]") << "no longer fenced";
  EXPECT_EQ(order_of(built, "192.0.2.1"), "[eu, us-west, us-east]");
}

TEST(PoliciesConfig, AnOverrideToAPlaceThatNobodyKnowsIsDoubted) {
  const OverridesFile file("128.32.0.0/24: EU-XX\n131.215.0.0/16: NA-US\n");
  const Built built = build(geo_with("overrides: " + file.path()) + "policies: {a: [{failover: [eu]}]}\n");
  EXPECT_TRUE(built.tables) << built.messages;
  EXPECT_NE(built.messages.find("yaml:1:16: warning: place EU-XX is none of the geo database's: "), std::string::npos)
      << built.messages;
  EXPECT_EQ(built.messages.find("NA-US"), std::string::npos) << built.messages;
}

TEST(PoliciesConfig, TheOverridesFileIsCheckedLikeTheRest) {
  const OverridesFile file(R"(
203.0.113.7/24: EU-DE
203.0.113.0/25: Europe
203.0.113.128/25: {}
198.51.100.0/24: {regions: [eux]}
198.51.100.0/25: {plaice: EU}
"2002:c000:200::/40": EU-DE
)");
  const Built built = build(geo_with("overrides: " + file.path()) + "policies: {a: [{failover: [eu]}]}\n");
  EXPECT_FALSE(built.tables);
  for (const char* expected : {"yaml:2:1: error: ", "did you mean 203.0.113.0/24?", "yaml:3:17: error: 'Europe'",
                               "this row corrects nothing", "unknown region 'eux' (did you mean 'eu'?)",
                               "unknown key 'plaice' (did you mean 'place'?)", "write 192.0.2.0/24"}) {
    EXPECT_NE(built.messages.find(expected), std::string::npos) << expected << "\nnot in\n" << built.messages;
  }
  const Built absent = build("geo: {overrides: /nonexistent/o.yaml}\npolicies: {a: [{failover: [eu]}]}\n");
  EXPECT_NE(absent.messages.find("/nonexistent/o.yaml"), std::string::npos) << absent.messages;
}

TEST(PoliciesConfig, ABrokenDatabaseIsNamedWithItsPlace) {
  const Built built = build("geo: {database: /nonexistent/city.mmdb}\npolicies: {a: [{failover: [eu]}]}\n");
  EXPECT_FALSE(built.tables);
  EXPECT_EQ(built.messages,
            "x.yaml:1:6: error: geo database /nonexistent/city.mmdb: cannot read it: No such file or directory\n");
}

}  // namespace
}  // namespace dns::policies_test
