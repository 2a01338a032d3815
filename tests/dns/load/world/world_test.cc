#include "dns/load/world/world.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "dns/core/health/health_view.h"

namespace dns::world_test {
namespace {

constexpr const char* kZone = "$TTL 60\n@ SOA ns host 5 2 3 4 60\n@ NS ns\nns A 192.0.2.53\n";
constexpr const char* kConfig = R"(service: test
regions:
  eu: {location: [53.35, -6.26], edges: [192.0.2.1]}
dns:
  listen: "127.0.0.1:0"
  zones: {example.com: zone}
  nsid: one
  udp_payload_size: 1400B
  policies: {all: [{failover: [eu]}]}
  names: {www.example.com: {policy: all}}
)";

class BuildTest : public testing::Test {
 protected:
  BuildTest() : folder_(std::filesystem::path(testing::TempDir()) / ("build_test_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
    write("zone", kZone);
  }
  ~BuildTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }
  std::optional<World> load(const std::string& config) {
    write("config.yaml", config);
    diagnostics_ = {};
    return load_world((folder_ / "config.yaml").string(), diagnostics_);
  }
  // What is said about kConfig with one part replaced.
  std::string complaint(const std::string& from, const std::string& to) {
    std::string config = kConfig;
    const auto at = config.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    config.replace(at, from.size(), to);
    EXPECT_FALSE(load(config)) << to;
    return diagnostics_.render();
  }

  std::filesystem::path folder_;
  shared::load::Diagnostics diagnostics_;
};

TEST_F(BuildTest, BuildsAWorld) {
  const auto world = load(kConfig);
  ASSERT_TRUE(world) << diagnostics_.render();
  EXPECT_EQ(diagnostics_.render(), "");
  ASSERT_EQ(world->zones->zones().size(), 1U);
  const auto health = HealthView::all_up(world->policies->spec().regions);
  const Snapshot snapshot = make_snapshot(*world, AnswerSets::build(*world->policies, health));
  EXPECT_EQ(snapshot.identity.nsid, "one");
  EXPECT_EQ(snapshot.udp_payload_size, 1400);
  EXPECT_EQ(world->config.listen.size(), 1U);
}

TEST_F(BuildTest, HasDefaults) {
  const Config config;
  ASSERT_EQ(config.listen.size(), 2U);
  EXPECT_EQ(config.listen[1].value.to_string(), "[::]:53");
  EXPECT_EQ(config.udp_payload_size, 1232U);
}

TEST_F(BuildTest, TellsWhatIsWrongWithItsPlace) {
  EXPECT_NE(complaint("www.example.com:", "www.example.org:").find("config.yaml:10:"), std::string::npos);
  EXPECT_NE(complaint("www.example.com:", "www.example.org:").find("lies in none of the zones"), std::string::npos);
  EXPECT_NE(complaint("{example.com: zone}", "{example.com: none}").find("cannot read"), std::string::npos);
  EXPECT_NE(complaint("{example.com: zone}", "{example.com: zone, Example.Com.: zone}").find("stands twice"),
            std::string::npos);
  EXPECT_NE(complaint("{example.com: zone}", "{exa..mple: zone}").find("zone 'exa..mple'"), std::string::npos);
  EXPECT_NE(complaint("1400B", "100B").find("config.yaml:8:"), std::string::npos);
  EXPECT_NE(complaint("\"127.0.0.1:0\"", "[]").find("at least one address"), std::string::npos);
  EXPECT_NE(complaint("\"127.0.0.1:0\"", "[\"127.0.0.1:5\", \"127.0.0.1:5\"]").find("stands twice"), std::string::npos);
  EXPECT_NE(complaint("nsid:", "nsidd:").find("did you mean 'nsid'"), std::string::npos);
}

TEST_F(BuildTest, TellsErrorsOfZonesAndPoliciesTogether) {
  write("zone", std::string(kZone) + "a A nonsense\nb BOGUS x\n");
  const std::string said = complaint("failover: [eu]", "failover: [eux]");
  for (const char* part : {"zone:5:5: error:", "zone:6:3: error:", "config.yaml:9:"}) {
    EXPECT_NE(said.find(part), std::string::npos) << part << "\n" << said;
  }
}

TEST_F(BuildTest, ZonesComeFromAFolderToo) {
  std::filesystem::create_directories(folder_ / "more");
  for (const char* name : {"more/example.net.zone", "more/a.example.com.zone", "more/.zone", "more/notes.txt"}) {
    write(name, kZone);
  }
  std::string config = kConfig;
  config += "  zone_directory: more\n";
  const auto world = load(config);
  ASSERT_TRUE(world) << diagnostics_.render();
  std::vector<std::string> origins;
  for (const auto& zone : world->zones->zones()) origins.push_back(zone->apex().to_text());
  EXPECT_EQ(origins, (std::vector<std::string>{"example.com.", "a.example.com.", "example.net."}));

  write("more/example.com.zone", kZone);
  EXPECT_FALSE(load(config));
  EXPECT_NE(diagnostics_.render().find("zone example.com. stands twice"), std::string::npos) << diagnostics_.render();
  EXPECT_NE(complaint("  zones: {example.com: zone}\n", "  zone_directory: nowhere\n").find("cannot read the folder"),
            std::string::npos);
  EXPECT_NE(complaint("  zones: {example.com: zone}\n", "").find("there is nothing to serve"), std::string::npos);
}

TEST_F(BuildTest, AnAliasNeedsNoPolicy) {
  std::string config = kConfig;
  config.replace(config.find("www.example.com: {policy: all}"), 30, "example.com: {alias: target.example.net}");
  const auto world = load(config);
  ASSERT_TRUE(world) << diagnostics_.render();
  ASSERT_EQ(world->policies->aliases().size(), 1U);
  EXPECT_NE(complaint("{policy: all}", "{alias: a..b}").find("'a..b'"), std::string::npos);
  EXPECT_NE(complaint("{policy: all}", "{alias: a.b, policy: all}").find("not both"), std::string::npos);
  EXPECT_NE(complaint("{policy: all}", "{alias: a.b, when_all_down: refuse}").find("no meaning for an alias"),
            std::string::npos);
  EXPECT_NE(complaint("{policy: all}", "{answers: 1}").find("needs a `policy`"), std::string::npos);
}

TEST_F(BuildTest, NeedsADnsSection) {
  EXPECT_FALSE(load("service: test\nregions: {eu: {edges: [192.0.2.1]}}\n"));
  EXPECT_NE(diagnostics_.render().find("no `dns` section"), std::string::npos);
}

TEST_F(BuildTest, WarnsOfASerialThatGoesBack) {
  const auto before = load(kConfig);
  ASSERT_TRUE(before);
  const auto serial = [&](const char* text) {
    std::string zone = kZone;
    zone.replace(zone.find(" 5 "), 3, " " + std::string(text) + " ");
    write("zone", zone);
    const auto after = load(kConfig);
    EXPECT_TRUE(after);
    shared::load::Diagnostics diagnostics;
    warn_of_serials(*before->zones, *after->zones, after->config, diagnostics);
    EXPECT_FALSE(diagnostics.failed());
    return diagnostics.render();
  };
  EXPECT_EQ(serial("5"), "");
  EXPECT_EQ(serial("6"), "");
  EXPECT_NE(serial("4").find("config.yaml:6:11: warning: zone example.com.: the serial goes back from 5 to 4"),
            std::string::npos)
      << serial("4");
  EXPECT_NE(serial("4000000000").find("goes back"), std::string::npos);  // RFC 1982: behind, not ahead
}

}  // namespace
}  // namespace dns::world_test
