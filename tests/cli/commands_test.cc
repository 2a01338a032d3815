#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/app.h"
#include "cli/reference.h"
#include "tests/support/paths.h"

namespace cli::commands_test {
namespace {

constexpr const char* kZone = "@ 60 SOA ns1 hostmaster 1 2h 15m 2w 5m\n@ 60 NS ns1\nns1 60 A 192.0.2.53\n";

constexpr const char* kGood = R"(service: shop
regions:
  us: {edges: [192.0.2.1]}
  eu: {edges: [198.51.100.1]}
dns:
  zones: {shop.example: shop.zone}
  policies: {standby: [{failover: [us, eu]}]}
  names: {www.shop.example: {policy: standby, ttl: {min: 5s, max: 30s}}}
edge:
  listen: [{address: "{edge}:80"}]
  pools: {web: {servers: ["10.0.0.1:80"]}}
  routes: [{path: /, pool: web}]
)";

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

Outcome meridian(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "meridian");
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.status = run(static_cast<int>(arguments.size()), arguments.data(), "1.2.3");
  outcome.err = ::testing::internal::GetCapturedStderr();
  outcome.out = ::testing::internal::GetCapturedStdout();
  return outcome;
}

class Commands : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("meridian-cli-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    write("shop.zone", kZone);
    file_ = write("c.yaml", kGood);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    const auto path = folder_ / name;
    std::ofstream(path) << text;
    return path.string();
  }
  void break_config(const std::string& old, const std::string& text) {
    std::ifstream in(file_);
    std::stringstream whole;
    whole << in.rdbuf();
    std::string content = whole.str();
    const auto at = content.find(old);
    ASSERT_NE(at, std::string::npos);
    write("c.yaml", content.replace(at, old.size(), text));
  }

  std::filesystem::path folder_;
  std::string file_;
};

TEST_F(Commands, CheckSaysGood) {
  const Outcome outcome = meridian({"check", file_.c_str()});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, file_ + ": good\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(Commands, CheckTellsTheProblemsOfAllPartsAtOnce) {
  break_config("service: shop\n", "servise: shop\n");
  break_config("policy: standby", "policy: standy");
  break_config("{path: /, pool: web}", "{path: /, pool: wep}");
  write("shop.zone", std::string(kZone) + "www 60 A 192.0.2.553\n");
  const Outcome outcome = meridian({"check", file_.c_str()});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find(":1:1: error: unknown key 'servise' (did you mean 'service'?)"), std::string::npos);
  EXPECT_NE(outcome.err.find("(did you mean 'standby'?)"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("(did you mean 'web'?)"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("shop.zone:4:"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.out.find(file_ + ": 5 errors, "), std::string::npos) << outcome.out << outcome.err;
}

TEST_F(Commands, CheckWarnsOfWhatNothingUsesOrReaches) {
  break_config("service: shop\n", "service: shop\nuser: no-such-user\nhealth: {edge: {port: 81}}\n");
  break_config("  eu: {", "  ap: {edges: [198.51.100.2]}\n  eu: {");
  break_config("[us, eu]}]}", "[us, eu]}], spare: [{failover: [us]}]}");
  break_config("{path: /, pool: web}]",
               "{path: /, pool: web}, {host: wwww.shop.example, path: /, pool: web}]\n"
               "  access_log: /no-such-folder/access.json\n  timeout: {connect: 5s, total: 2s}");
  const Outcome outcome = meridian({"check", file_.c_str()});
  EXPECT_EQ(outcome.status, 0);
  for (const char* doubt :
       {"health.edge asks port 81, where no listener", "user: this machine has no user 'no-such-user'",
        "region 'ap' stands in no step of a policy", "policy 'spare' is used by no name",
        "zone shop.example. has no name 'wwww.shop.example'", "access_log: this machine has no folder /no-such-folder",
        "timeout: connect: 5s is never reached: total: 2s ends first"}) {
    EXPECT_NE(outcome.err.find(doubt), std::string::npos) << doubt << "\n" << outcome.err;
  }
  EXPECT_NE(outcome.out.find(": good, with 7 warnings"), std::string::npos) << outcome.out << outcome.err;
}

TEST_F(Commands, CheckWarnsOfAProtocolThatNoListenerSpeaks) {
  write("shop.zone",
        std::string(kZone) + "www 60 HTTPS 1 . alpn=\"h2,http/1.1\" port=443\n" + "other 60 HTTPS 1 . alpn=\"h3\"\n");
  const Outcome plain = meridian({"check", file_.c_str()});
  EXPECT_EQ(plain.status, 0);
  EXPECT_NE(plain.err.find(":8:11: warning: the HTTPS record of www.shop.example advertises alpn=h2, which no listener "
                           "of edge.listen speaks: give one protocol: https, or take it out of the zone"),
            std::string::npos)
      << plain.err;
  EXPECT_EQ(plain.err.find("alpn=http/1.1"), std::string::npos) << "that is spoken";
  EXPECT_EQ(plain.err.find("alpn=h3"), std::string::npos) << "other.shop.example is not steered: not ours to know";
  break_config("listen: [{address: \"{edge}:80\"}]", "listen: [{address: \"{edge}:443\", protocol: tcp, pool: web}]");
  EXPECT_EQ(meridian({"check", file_.c_str()}).err.find("alpn"), std::string::npos)
      << "who passes bytes on may speak it";
}

TEST_F(Commands, CheckLooksAtTheValuesOfEveryNode) {
  break_config("dns:\n",
               "dns:\n  nodes: {ns1: {address: 192.0.2.53}, ns2: {address: 192.0.2.54}}\n"
               "  listen: [\"{node}:53\", \"192.0.2.54:53\"]\n");
  const Outcome outcome = meridian({"check", file_.c_str()});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find("listen: 192.0.2.54:53 stands twice"), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find("192.0.2.53:53 stands"), std::string::npos) << outcome.err;
}

TEST_F(Commands, CheckSaysNothingThatFollowsFromWhatItSaid) {
  break_config("192.0.2.1", "300.0.2.1");
  const Outcome outcome = meridian({"check", file_.c_str()});
  EXPECT_NE(outcome.out.find(": 1 error, 0 warnings"), std::string::npos) << outcome.out << outcome.err;
}

TEST_F(Commands, ExplainsFromAFile) {
  const Outcome outcome =
      meridian({"explain", file_.c_str(), "--name", "www.shop.example", "--client", "203.0.113.0/24"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("client    203.0.113.0/24, as a client subnet\n"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("client subnet source /24 scope /0"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("  www.shop.example.\t30\tIN\tA\t192.0.2.1\n"), std::string::npos) << outcome.out;
  const Outcome played = meridian({"explain", file_.c_str(), "--name", "www.shop.example", "--down", "us"});
  EXPECT_NE(played.out.find("\tA\t198.51.100.1\n"), std::string::npos) << played.out;
  EXPECT_NE(played.out.find("played down"), std::string::npos) << played.out;
}

TEST_F(Commands, ExplainShowsNegativeAnswersAndOtherTypes) {
  const Outcome missing = meridian({"explain", file_.c_str(), "--name", "nowhere.shop.example", "--type", "MX"});
  EXPECT_EQ(missing.status, 0);
  EXPECT_NE(missing.out.find("reply     NXDOMAIN, authoritative"), std::string::npos) << missing.out;
  EXPECT_NE(missing.out.find("\nauthority\n"), std::string::npos) << missing.out;
  const Outcome ns = meridian({"explain", file_.c_str(), "--name", "shop.example.", "--type", "NS"});
  EXPECT_NE(ns.out.find("\tNS\tns1.shop.example.\n"), std::string::npos) << ns.out;
  EXPECT_NE(ns.out.find("\nadditional\n"), std::string::npos) << ns.out;
}

TEST_F(Commands, ExplainsTheWholeWayOfARequestFromAFile) {
  const Outcome whole =
      meridian({"explain", file_.c_str(), "--url", "http://www.shop.example/x", "--client", "203.0.113.7"});
  EXPECT_EQ(whole.status, 0) << whole.err;
  EXPECT_NE(whole.out.find("In short: region us, edge 192.0.2.1, route /, pool web, server 10.0.0.1:80\n"),
            std::string::npos)
      << whole.out;
  EXPECT_NE(whole.out.find("listener   192.0.2.1:80, which speaks http\n"), std::string::npos) << whole.out;
  const Outcome played = meridian({"explain", file_.c_str(), "--url", "http://www.shop.example/x", "--down", "us"});
  EXPECT_NE(played.out.find("In short: region eu, edge 198.51.100.1, "), std::string::npos) << played.out;
  const Outcome there = meridian({"explain", file_.c_str(), "--url", "http://www.shop.example/x", "--region", "eu"});
  EXPECT_NE(there.out.find("not the one where DNS sends this client: us"), std::string::npos) << there.out;
  const Outcome tls = meridian({"explain", file_.c_str(), "--url", "https://www.shop.example/x", "--json"});
  EXPECT_NE(tls.out.find("none on port 443"), std::string::npos) << tls.out;
  EXPECT_NE(tls.out.find(R"("server":"10.0.0.1:80")"), std::string::npos) << tls.out;
  const Outcome unknown = meridian({"explain", file_.c_str(), "--url", "http://nowhere.shop.example/"});
  EXPECT_EQ(unknown.status, 0);
  EXPECT_NE(unknown.out.find("DNS leads to no region: say --region"), std::string::npos) << unknown.out;
  EXPECT_EQ(meridian({"explain", file_.c_str(), "--url", "www.shop.example"}).status, 2);
  EXPECT_EQ(meridian({"explain", file_.c_str(), "--url", "http://www.shop.example/", "--client", "10.0.0.0/8"}).status,
            2);
  EXPECT_EQ(meridian({"explain", file_.c_str(), "--url", "http://www.shop.example/", "--name", "x"}).status, 2);
}

TEST_F(Commands, ExplainRefusesNonsense) {
  const auto status = [&](std::vector<const char*> more) {
    std::vector<const char*> arguments = {"explain", file_.c_str()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return meridian(std::move(arguments)).status;
  };
  EXPECT_EQ(status({"--name", "a..b"}), 2);
  EXPECT_EQ(status({"--name", "www.shop.example", "--type", "AB"}), 2);
  EXPECT_EQ(status({"--name", "www.shop.example", "--client", "203.0.113.1/24"}), 2);
  EXPECT_EQ(status({"--name", "www.shop.example", "--resolver", "here"}), 2);
  EXPECT_EQ(status({"--name", "www.shop.example", "--down", "mars"}), 2);
  EXPECT_EQ(meridian({"explain", "--name", "www.shop.example"}).status, 2);
  EXPECT_EQ(meridian({"explain", "/nonexistent.yaml", "--name", "www.shop.example"}).status, 2);
}

TEST_F(Commands, ServersThatDoNotAnswerAreStatus1) {
  const std::string nobody = "unix:" + (folder_ / "none.sock").string();
  EXPECT_EQ(meridian({"status", "--server", nobody.c_str()}).status, 1);
  EXPECT_EQ(meridian({"reload", "--server", nobody.c_str()}).status, 1);
  EXPECT_EQ(meridian({"drain", "eu", "--server", nobody.c_str()}).status, 1);
  EXPECT_EQ(meridian({"undrain", "eu", "--server", nobody.c_str()}).status, 1);
  EXPECT_EQ(meridian({"explain", "--name", "a.example", "--server", nobody.c_str()}).status, 1);
  const Outcome expiry = meridian({"drain", "eu", "--server", nobody.c_str(), "--expires", "2"});
  EXPECT_EQ(expiry.status, 2);
  EXPECT_EQ(expiry.err, "meridian: --expires: '2' has no unit; write a duration such as 5s (units: ms, s, m, h, d)\n");
}

TEST_F(Commands, GeoNeedsADatabase) {
  EXPECT_EQ(meridian({"geo", "lookup", "192.0.2.1"}).status, 2);
  EXPECT_EQ(meridian({"geo", "lookup", "here", "--database", "x"}).status, 2);
  EXPECT_EQ(meridian({"geo", "lookup", "192.0.2.1", "--database", file_.c_str()}).status, 2);
  EXPECT_EQ(meridian({"geo", "lookup", "192.0.2.1", "--config", file_.c_str()}).status, 2);
}

TEST_F(Commands, GeoLooksAnAddressUpAsAServerDoes) {
  const std::string database = ::test::build_file("geo/city-28.mmdb");
  const auto lookup = [](const char* address, const char* how, const std::string& file) {
    const Outcome outcome = meridian({"geo", "lookup", address, how, file.c_str()});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome.out;
  };
  const std::string plain = lookup("128.32.1.1", "--database", database);
  EXPECT_NE(plain.find("block     128.32.0.0/16\nplace     NA-US-CA\n"), std::string::npos) << plain;

  write("overrides.yaml",
        "128.32.0.0/15: AS-JP\n"
        "128.32.1.0/24: {place: EU-DE, asn: 64500, regions: [eu, {us: 3, eu: 1}], reason: ticket 4711}\n");
  std::string text = kGood;
  const std::string section = "dns:\n";
  const std::string asn = ::test::build_file("geo/asn-24.mmdb");
  text.replace(text.find(section), section.size(),
               "dns:\n  geo: {database: " + database + ", asn: " + asn + ", overrides: overrides.yaml}\n");
  const std::string config = write("corrected.yaml", text);
  const std::string corrected = lookup("128.32.1.1", "--config", config);
  EXPECT_NE(corrected.find("block     128.32.1.0/24\nplace     EU-DE\n"), std::string::npos) << corrected;
  EXPECT_NE(corrected.find("asn       64500\noverride  128.32.1.0/24 (ticket 4711)\n"
                           "regions   [eu, {us: 3, eu}], before all that a policy says\n"),
            std::string::npos)
      << corrected;
  EXPECT_NE(lookup("128.32.2.1", "--config", config).find("place     AS-JP\n"), std::string::npos);
  const std::string another = lookup("155.97.0.1", "--config", config);
  EXPECT_EQ(another.find("override"), std::string::npos) << another;
  EXPECT_NE(another.find("asn       17055\n"), std::string::npos) << another;

  write("overrides.yaml", "128.32.0.0/15: nowhere\n");
  const Outcome broken = meridian({"geo", "lookup", "128.32.1.1", "--config", config.c_str()});
  EXPECT_EQ(broken.status, 2);
  EXPECT_NE(broken.err.find("overrides.yaml:1:"), std::string::npos) << broken.err;
}

TEST_F(Commands, HelpAndUsage) {
  EXPECT_EQ(meridian({"--version"}).out, "1.2.3\n");
  EXPECT_EQ(meridian({"--help"}).status, 0);
  for (const char* command : {"check", "explain", "status", "reload", "drain", "undrain", "config-reference"}) {
    const Outcome help = meridian({command, "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_NE(help.out.find("Example"), std::string::npos) << command;
  }
  EXPECT_EQ(meridian({}).status, 2);
  EXPECT_EQ(meridian({"chek"}).status, 2);
  EXPECT_EQ(meridian({"drain", "eu", "--state", "gone"}).status, 2);
}

TEST(Reference, IsWhatTheDocumentsSay) {
  std::ifstream file(::test::source_file("docs/configuration.md"));
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), configuration_reference()) << "run: meridian config-reference > docs/configuration.md";
}

}  // namespace
}  // namespace cli::commands_test
