#include "cli/import.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/app.h"
#include "cli/gdnsd_config.h"
#include "cli/import_gdnsd.h"
#include "shared/load/yaml.h"
#include "tests/support/paths.h"

namespace cli::import_test {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

Outcome meridian(const std::vector<std::string>& words) {
  std::vector<const char*> arguments = {"meridian"};
  for (const std::string& word : words) arguments.push_back(word.c_str());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.status = run(static_cast<int>(arguments.size()), arguments.data(), "1.2.3");
  outcome.err = ::testing::internal::GetCapturedStderr();
  outcome.out = ::testing::internal::GetCapturedStdout();
  return outcome;
}

class Import : public ::testing::Test {
 protected:
  void SetUp() override {
    out_ = fs::temp_directory_path() / ("meridian-import-" + std::to_string(::getpid()));
    fs::remove_all(out_);
  }
  void TearDown() override { fs::remove_all(out_); }

  [[nodiscard]] std::string made(const std::string& name) const {
    std::ifstream in(out_ / name);
    std::stringstream whole;
    whole << in.rdbuf();
    return whole.str();
  }
  void expect_has(const std::string& text, const std::vector<std::string>& parts) const {
    for (const std::string& part : parts)
      EXPECT_NE(text.find(part), std::string::npos) << part << "\n--- in:\n" << text;
  }
  // With a database, so that steps by place are in force.
  [[nodiscard]] Outcome octodns(std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {"import", "octodns", source("octodns/shop.example.yaml"), "--out", out_.string()};
    words.insert(words.end(), more.begin(), more.end());
    return meridian(words);
  }
  [[nodiscard]] static std::string source(const std::string& name) {
    return test::source_file("tests/cli/import/" + name).string();
  }
  void expect_good() const {
    const Outcome checked = meridian({"check", (out_ / "meridian.yaml").string()});
    EXPECT_EQ(checked.status, 0) << checked.err << made("meridian.yaml");
    EXPECT_EQ(checked.err.find("error"), std::string::npos) << checked.err;
  }

  // The database of the tests has a few places, and rows for others are errors.
  void expect_good_but_for_places() const {
    std::istringstream told(meridian({"check", (out_ / "meridian.yaml").string()}).err);
    for (std::string line; std::getline(told, line);) {
      EXPECT_NE(line.find("can never match a client"), std::string::npos) << line << "\n" << made("meridian.yaml");
    }
  }

  fs::path out_;
};

TEST_F(Import, OctodnsPoolsBecomeRegionsAndRulesSteps) {
  const Outcome outcome = octodns({"--geo-database", test::build_file("geo/city-24.mmdb").string()});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  expect_good_but_for_places();
  const std::string text = made("meridian.yaml");
  expect_has(text,
             {R"(  apac: {edges: ["192.0.2.1", "192.0.2.2", "2001:db8:1::1"]})",
              R"(kind: https, port: 8443, host: "www.shop.example", path: "/up")", R"(          "10.1.0.0/16": [us])",
              R"(          "AF-ZA": [apac, us])", R"("www.shop.example": {policy: www, ttl: {min: 60s, max: 60s}})",
              R"("shop.example": {alias: "www.shop.example.", ttl)", R"(cname: "shop.cdn-one.example.")"});
}

TEST_F(Import, AddressesOfSeveralPoolsMakeRegionsOfTheirOwn) {
  ASSERT_EQ(octodns({"--geo-database", test::build_file("geo/city-24.mmdb").string()}).status, 0);
  const std::string text = made("meridian.yaml");
  // 203.0.113.1 is in `us` of www and in `both` of api.
  expect_has(text,
             {R"(  us: {edges: ["203.0.113.1", "2001:db8:3::1"]})", R"(  both: {edges: ["192.0.2.7"]})",
              "    api:\n      - failover: [{us: 1, both: 1}]\n", R"("api.shop.example": {policy: api, families: a)",
              "    cdn:\n      - failover: [{one: 9, one-2: 1}]\n"});
}

TEST_F(Import, RegionsHaveBothFamiliesWhereAPoolHas) {
  const Outcome outcome = octodns();
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  expect_has(made("meridian.yaml"), {R"(  eu: {edges: ["198.51.100.1", "198.51.100.2", "2001:db8:2::1"]})"});
  expect_has(outcome.out, {"the weights of pool www.shop.example/eu: it has addresses of both families",
                           "policy www: 203.0.113.99 of its values, which has no partner of the other family"});
  EXPECT_EQ(outcome.out.find("other rules than its other family"), std::string::npos) << outcome.out;
}

TEST_F(Import, OctodnsTellsWhatDidNotMap) {
  const Outcome outcome = octodns();
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  expect_good();
  expect_has(outcome.out,
             {"shop.example.yaml:21:8: where LOC: it has no lat_minutes",
              "odd URLFWD: records of this type are not imported", "198.51.100.3 has status: down",
              "octodns.route53 is another provider's", "steps by place stand as comments", "another health check"});
  expect_has(made("meridian.yaml"), {"      # - geo:\n", "      #     \"EU\": [eu, us]"});
}

TEST_F(Import, OctodnsRecordsStayInTheZone) {
  ASSERT_EQ(octodns().status, 0);
  expect_has(made("zones/shop.example.zone"),
             {"@ SOA ns1 hostmaster", "@ 3600 IN NS ns1.shop.example.", "@ 300 IN MX 20 spare.shop.example.",
              "there 3600 IN LOC 52 22 23.0 N 4 53 32.5 E -2.0m 1.0m 10000.0m 10.0m\n",
              R"(shop 300 IN HTTPS 1 . alpn="h2,h3" port="8443" ipv4hint="192.0.2.1,192.0.2.2")",
              R"(shop 300 IN HTTPS 2 spare.shop.example. alpn="h2" no-default-alpn)",
              "_service 3600 IN SVCB 0 www.shop.example.\n", "@ 3600 IN CAA 0 issue \"ca.example\"",
              R"(notes 3600 IN TXT "k=rsa; p=\"x\"")"});
  EXPECT_EQ(made("zones/shop.example.zone").find("\nwww"), std::string::npos);
  EXPECT_EQ(octodns().status, 1) << "what is there is not written over";
  EXPECT_EQ(octodns({"--force"}).status, 0);
}

// What people have on their disks: the commands that are told can be typed as they are.
TEST_F(Import, PathsMayHaveSpaces) {
  const fs::path from = out_ / "old zones";
  fs::create_directories(from);
  fs::copy_file(source("octodns/shop.example.yaml"), from / "shop.example.yaml");
  fs::copy(source("gdnsd"), out_ / "old gdnsd", fs::copy_options::recursive);
  fs::copy_file(test::build_file("geo/city-24.mmdb"), out_ / "a city.mmdb");
  const std::vector<std::vector<std::string>> sources = {{"octodns", (from / "shop.example.yaml").string()},
                                                         {"gdnsd", (out_ / "old gdnsd").string()}};
  for (const auto& words : sources) {
    const fs::path made_in = out_ / ("new " + words[0]);
    const Outcome outcome = meridian(
        {"import", words[0], words[1], "--out", made_in.string(), "--geo-database", (out_ / "a city.mmdb").string()});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    expect_has(outcome.out, {"next: meridian check '" + (made_in / "meridian.yaml").string() + "'\n"});
    std::istringstream told(meridian({"check", (made_in / "meridian.yaml").string()}).err);
    for (std::string line; std::getline(told, line);)
      EXPECT_NE(line.find("can never match a client"), std::string::npos) << line;
  }
}

TEST_F(Import, GdnsdResourcesBecomePolicies) {
  const Outcome outcome = meridian({"import", "gdnsd", source("gdnsd"), "--out", out_.string(), "--geo-database",
                                    test::build_file("geo/city-24.mmdb").string()});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  expect_good_but_for_places();
  const std::string text = made("meridian.yaml");
  expect_has(
      text,
      {R"(  dc-us: {edges: ["192.0.2.1", "192.0.2.2"]})", R"(          "10.0.0.0/8": [dc-us])",
       R"(          "EU": [dc-eu, dc-us])", R"(          "EU-CH": [dc-us, dc-eu])", R"(          "NA-US-CA": [dc-us])",
       "failover: [dc-us, dc-eu, spare-primary, spare-secondary]",
       "kind: http, port: 8080, host: \"www.shop.example\", path: \"/health\", interval: 4s, timeout: 2s, fall: 3",
       R"("www.shop.example": {policy: geoip-www, ttl: {min: 60s, max: 600s}})",
       R"("www-us.shop.example": {policy: geoip-www-dc-us, ttl: {min: 300s, max: 300s}})",
       "failover: [{split: 3, split-2: 1}]", "answers: 1}", R"("test.lab.shop.example": {policy: simplefo-spare)",
       "failover: [farm, b]", R"(cname: "shop.cdn-one.example.")"});
}

TEST_F(Import, GdnsdZonesKeepAllThatIsNotDynamic) {
  const Outcome outcome = meridian({"import", "gdnsd", source("gdnsd"), "--out", out_.string()});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  expect_good();
  const std::string zone = made("zones/shop.example.zone");
  expect_has(zone, {"@\tSOA ns1 hostmaster (", "ns2\tA 198.51.100.53", "www\tTXT \"steered; and not a DYNA record\""});
  for (const char* gone : {"geoip!", "weighted!", "$ADDR_LIMIT"}) EXPECT_EQ(zone.find(gone), std::string::npos) << zone;
  expect_has(outcome.out,
             {"config:2:12: options of the server (listen, zones_strict_data)", "the plugin extmon has no counterpart",
              "reflect!dns: the plugin reflect has no counterpart", "mirror.shop.example is left out",
              "the place NA-US-TX-Austin", "up_thresh: a region serves while any of its addresses does",
              "there is no database", "zones/shop.example:9:1: $ADDR_LIMIT_V4"});
}

TEST_F(Import, ANameIsSteeredOnceAndAllTextsAreQuoted) {
  const char* const config = R"(plugins => { simplefo => { a => { primary => "b\"ad.example.", secondary => . } } })";
  shared::load::Diagnostics diagnostics;
  const auto read = parse_gdnsd_config(config, "config", diagnostics);
  ASSERT_TRUE(read) << diagnostics.render();
  ImportPlan plan;
  import_gdnsd(*read, "/nonexistent", {{"zones/shop.example", "www DYNC simplefo!a\nWWW DYNC simplefo!a\n"}}, plan);
  const ImportFiles files = write_import(plan);
  const auto document = shared::load::read_yaml_text(files.configuration, "meridian.yaml", {}, diagnostics);
  ASSERT_TRUE(document) << diagnostics.render() << files.configuration;
  EXPECT_EQ(document->find("dns")->find("names")->children.size(), 1u) << files.configuration;
  const auto lost = [&plan](const std::string& what) {
    return std::any_of(plan.lost.begin(), plan.lost.end(),
                       [&what](const std::string& line) { return line.find(what) != std::string::npos; });
  };
  EXPECT_TRUE(lost("zones/shop.example:2:1: WWW.shop.example is steered twice: the first counts"));
  EXPECT_TRUE(lost("'.' is neither an address nor a name"));
  EXPECT_EQ(document->find("regions")->children.front().find("cname")->text, "b\"ad.example.");
}

// Where it is to be mended, and not only by a check of what was made.
TEST_F(Import, ABadValueIsToldWithItsPlaceInItsFile) {
  fs::create_directories(out_);
  const fs::path file = out_ / "bad.example.yaml";
  std::ofstream(file) << "www:\n  type: A\n  values:\n    - 192.0.2.1\n    - 192.0.2.300\n"
                         "mail:\n  type: MX\n  value: {preference: many, exchange: mx.bad.example.}\n";
  const Outcome outcome = meridian({"import", "octodns", file.string(), "--out", (out_ / "made").string()});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  expect_has(outcome.out, {file.string() + ":5:7: zone bad.example: ", file.string() + ":8:10: zone bad.example: "});
  EXPECT_EQ(outcome.out.find(":4:"), std::string::npos) << outcome.out;

  shared::load::Diagnostics diagnostics;
  const auto read = parse_gdnsd_config(
      "plugins => { simplefo => { a => { primary => 192.0.2.1, secondary => "
      "192.0.2.2 } } }",
      "config", diagnostics);
  ASSERT_TRUE(read) << diagnostics.render();
  ImportPlan plan;
  const std::string zone = "a 300 A 192.0.2.1\nx DYNA simplefo!a\n; a comment\nb 300 A (\n 192.0.2.300 )\n";
  import_gdnsd(*read, "/nonexistent", {{"zones/bad.example", zone}}, plan);
  static_cast<void>(write_import(plan));
  EXPECT_EQ(
      std::ranges::count_if(plan.lost, [](const std::string& line) { return line.find("zone bad.example: ") == 0; }),
      0);
  EXPECT_TRUE(std::ranges::any_of(plan.lost, [](const std::string& line) {
    return line.starts_with("zones/bad.example:5:1: zone bad.example: ");
  })) << ::testing::PrintToString(plan.lost);
}

TEST_F(Import, GdnsdConfigurationsAreReadWithTheirLines) {
  const auto problem = [](const std::string& text) {
    shared::load::Diagnostics diagnostics;
    EXPECT_FALSE(parse_gdnsd_config(text, "config", diagnostics)) << text;
    return diagnostics.render();
  };
  EXPECT_EQ(problem("a => {\n  b => 1\n"), "config:3:1: error: the file ends within a hash\n");
  EXPECT_EQ(problem("a => [1"), "config:1:8: error: the file ends within an array\n");
  EXPECT_EQ(problem("a\nb => 1"), "config:2:1: error: 'a' wants => and a value\n");
  EXPECT_EQ(problem("a => \"x"), "config:1:8: error: a quoted text without an end\n");
  EXPECT_EQ(problem("a => 1\na => 2"), "config:2:7: error: 'a' stands twice\n");
  EXPECT_NE(problem(std::string(100, '[')).find("error"), std::string::npos);
  EXPECT_NE(problem("a => " + std::string(100, '[')).find("nested deeper than 32"), std::string::npos);
  shared::load::Diagnostics diagnostics;
  const auto whole =
      parse_gdnsd_config("{ a = [ 1, \"two \\\" three\" ], # end\n b => { c => 4 } }", "config", diagnostics);
  ASSERT_TRUE(whole) << diagnostics.render();
  EXPECT_EQ(whole->find("a")->children.at(1).text, "two \" three");
  EXPECT_EQ(whole->find("b")->find("c")->text, "4");
}

}  // namespace
}  // namespace cli::import_test
