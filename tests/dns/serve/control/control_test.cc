#include "dns/serve/control/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include <boost/json.hpp>

#include "shared/serve/process/upgrade.h"
#include "tests/dns/serve/control/lone_server.h"
#include "tests/support/paths.h"

namespace dns::control_test {
namespace {

using shared::Endpoint;
using shared::UniqueFd;
using namespace std::chrono_literals;

using ControlTest = LoneServer;

TEST_F(ControlTest, AnswersAndReports) {
  EXPECT_TRUE(answers("127.0.0.1"));
  EXPECT_EQ(ask("ns.example.com"), std::vector<std::string>{"ns.example.com. 60 IN A 192.0.2.53"});
  const std::string status = http("GET", "/status");
  for (const char* part : {"\"generation\":", "\"origin\":\"example.com.\"", "\"name\":\"one\",\"state\":\"up\""}) {
    EXPECT_NE(status.find(part), std::string::npos) << part << "\n" << status;
  }
  const std::string metrics = http("GET", "/metrics");
  for (const char* part : {"meridian_dns_queries_total{transport=\"udp\"} 2",
                           "meridian_dns_steered_total{name=\"www.example.com\",region=\"one\"} 1",
                           "meridian_dns_edge_up{region=\"two\",edge=\"127.0.0.2\"} 1"}) {
    EXPECT_NE(metrics.find(part), std::string::npos) << part << "\n" << metrics;
  }
  const std::string explained = http("GET", "/explain?name=www.example.com&client=192.0.2.1");
  EXPECT_NE(explained.find("127.0.0.1"), std::string::npos) << explained;
  EXPECT_NE(http("GET", "/explain?name=a..b").find(" 400 "), std::string::npos);
}

TEST_F(ControlTest, MovesAwayFromAnEdgeThatDiesAndBack) {
  ASSERT_TRUE(answers("127.0.0.1"));
  const auto told = [this](const std::string& what, const std::string& reason) {
    return std::ranges::count_if(log_.lines(), [&](const std::string& line) {
      return line.find("event=region_state " + what) != std::string::npos && line.find(reason) != std::string::npos;
    });
  };
  const auto before = told("region=two", "");
  const Endpoint where = shared::local_endpoint(edge_one_.get());
  edge_one_.reset();
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.2"); }));
  edge_one_ = std::move(shared::listen_tcp(where, 1)->front());
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.1"); }));
  EXPECT_TRUE(log_.contains("event=edge_state region=one edge=127.0.0.1 state=down"));
  EXPECT_EQ(told("region=one serves=false", "reason=\"127.0.0.1: connection refused"), 1);
  EXPECT_EQ(told("region=two", ""), before) << "of which nothing has changed";
}

// At the end it writes what it has found, so that the next one begins with it.
TEST_F(ControlTest, WhatItHasFoundIsWrittenAtTheEnd) {
  edge_one_.reset();
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.2"); }));
  EXPECT_TRUE(eventually([this] { return read("state/dns/health.json").find("down") != std::string::npos; }));
  std::filesystem::remove(folder_ / "state/dns/health.json");
  stop();
  EXPECT_THAT(read("state/dns/health.json"), testing::HasSubstr("down"));
}

// Answers are built anew for what changes them, and for nothing else.
TEST_F(ControlTest, AWordThatIsTakenBackAndWasNotSaidChangesNothing) {
  const auto builds = [this] { return metric("meridian_dns_answer_set_builds_total"); };
  const std::string before = builds();
  EXPECT_NE(http("POST", "/undrain?target=one").find(" 200 "), std::string::npos);
  EXPECT_EQ(builds(), before);
  EXPECT_NE(http("POST", "/drain?target=one").find(" 200 "), std::string::npos);
  EXPECT_NE(builds(), before);
}

TEST_F(ControlTest, SaysWhyAnEdgeFell) {
  const auto edge = [this] { return region(0).at("edges").at(0).as_object(); };
  EXPECT_FALSE(edge().contains("last_fall"));
  const std::string status = http("GET", "/status");
  EXPECT_NE(status.find("\"ttl_lowest_now\":60,\"ttl_highest_now\":60"), std::string::npos) << status;
  edge_one_.reset();
  EXPECT_TRUE(eventually([&] { return edge().at("probed").as_string() == "down"; }));
  const auto fallen = edge();
  EXPECT_THAT(std::string(fallen.at("reason").as_string()), testing::HasSubstr("refused"));
  EXPECT_EQ(fallen.at("last_fall").at("reason"), fallen.at("reason"));
  EXPECT_FALSE(region(1).at("edges").at(0).as_object().contains("last_fall"));
}

TEST_F(ControlTest, AnEdgeThatComesAndGoesIsHeldDownForAsLongAsIsWritten) {
  start_with("interval: 100ms", "hold_down: 30s, interval: 100ms");
  fall_and_recover();
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.1"); })) << "the first time it is believed";
  fall_and_recover();
  EXPECT_TRUE(eventually(
      [this] { return log_.contains("event=edge_held_down region=one edge=127.0.0.1 falls=2 seconds=30"); }));
  EXPECT_EQ(region(0).at("edges").at(0).at("state").as_string(), "held_down");
  EXPECT_TRUE(answers("127.0.0.2"));
}

// Of one edge, not of its region: which has others.
TEST_F(ControlTest, AWordOnAnEdgeStandsAtTheEdge) {
  EXPECT_NE(http("POST", "/drain?target=127.0.0.1&state=down").find(" 200 "), std::string::npos);
  EXPECT_TRUE(region(0).at("override").is_null());
  EXPECT_EQ(region(0).at("edges").at(0).at("override").at("state").as_string(), "down");
  EXPECT_NE(http("POST", "/drain?target=two&state=down").find(" 200 "), std::string::npos);
  EXPECT_EQ(region(1).at("override").at("state").as_string(), "down");
  EXPECT_TRUE(region(1).at("edges").at(0).at("override").is_null());
}

TEST_F(ControlTest, TellsEachProbeToWhoWantsToKnow) {
  start_with("service: test", "log: {level: debug}\nservice: test");
  EXPECT_TRUE(eventually([this] { return log_.contains("event=probe region=two edge=127.0.0.2"); }));
  supervisor_->post([] { ::raise(SIGUSR1); });
  EXPECT_TRUE(eventually([this] { return log_.contains("event=logs_reopened files=0"); }));
  start_with("log: {level: debug}\n", "");  // the level is the process's
}

// Its edges are not known yet: they take a connection and say nothing.
TEST_F(ControlTest, WhoDoesNotServeYetSaysSoAndEndsAtOnce) {
  stop();
  std::filesystem::remove_all(folder_ / "state");
  std::string text = read("config.yaml");
  const std::string probe = "kind: tcp";
  text.replace(text.find(probe), probe.size(), "kind: http");
  text.replace(text.find("interval: 100ms, timeout: 90ms"), 30, "interval: 1h, timeout: 60s");
  text.replace(text.find("health: {"), 9, "health: {start_wait: 30s, ");
  write("config.yaml", text);
  launch();
  EXPECT_NE(http("GET", "/healthz").find(" 503 "), std::string::npos);
  EXPECT_EQ(status().at("serving"), false);
  stop();  // with status 0: it was not ended by force
}

// Nothing is probed, so nothing is waited for.
TEST_F(ControlTest, WithNothingToProbeItServesAtOnce) {
  stop();
  write("config.yaml",
        "service: test\nstate_directory: " + (folder_ / "state").string() +
            "\nregions: {cdn: {cname: shop.cdn.example}}\nadmin: {dns: \"127.0.0.1:0\", key: admin.key}\n"
            "dns:\n  listen: \"127.0.0.1:0\"\n  workers: 1\n  zones: {example.com: zone}\n"
            "  policies: {all: [{failover: [cdn]}]}\n"
            "  names: {www.example.com: {policy: all, ttl: {min: 5s, max: 60s}}}\n");
  start();
  EXPECT_EQ(ask(), std::vector<std::string>{"www.example.com. 60 IN CNAME shop.cdn.example."});
}

TEST_F(ControlTest, ResolversThatAreUsedAreNotSaidNotToBe) {
  start_with("  names: {", "  resolvers: \"127.0.0.1:9\"\n  names: {flat.example.com: {alias: edges.example.net}, ");
  EXPECT_NE(http("GET", "/status").find("edges.example.net"), std::string::npos);
  EXPECT_FALSE(log_.contains("resolvers_not_used"));
}

TEST_F(ControlTest, ObeysTheOperatorAndRemembers) {
  EXPECT_NE(http("POST", "/drain?target=nowhere").find(" 400 "), std::string::npos);
  EXPECT_NE(http("POST", "/drain?target=one&state=gone").find(" 400 "), std::string::npos);
  EXPECT_NE(http("POST", "/drain?target=one&expires=soon").find(" 400 "), std::string::npos);
  EXPECT_NE(http("POST", "/drain?target=one&reason=update&expires=3600").find(" 200 "), std::string::npos);
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.2"); }));
  EXPECT_NE(http("GET", "/status").find("update"), std::string::npos);
  const std::string explained = http("GET", "/explain?name=www.example.com");
  EXPECT_THAT(explained, testing::ContainsRegex("drained \\(update\\), until 20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]T"
                                                "[0-9][0-9]:[0-9][0-9]:[0-9][0-9]Z, for another (1h 0m|[0-9]+m)"));
  stop();
  start();
  EXPECT_TRUE(answers("127.0.0.2"));
  EXPECT_NE(http("POST", "/undrain?target=one").find(" 200 "), std::string::npos);
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.1"); }));
  EXPECT_NE(http("POST", "/drain?target=127.0.0.1&state=down").find(" 200 "), std::string::npos);
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.2"); }));
}

// An answer means that the word survives the power.
TEST_F(ControlTest, AnswersTheOperatorWhenTheWordIsWritten) {
  for (const bool drained : {true, false, true}) {
    EXPECT_NE(http("POST", drained ? "/drain?target=one&reason=soon" : "/undrain?target=one").find(" 200 "),
              std::string::npos);
    EXPECT_EQ(read("state/dns/overrides.json").find("soon") != std::string::npos, drained);
  }
  // Where the file is to be stands a folder that is not empty: it cannot be replaced, by root neither.
  const auto file = folder_ / "state/dns/overrides.json";
  std::filesystem::remove(file);
  std::filesystem::create_directories(file / "in the way");
  const std::string told = http("POST", "/drain?target=two&state=down");
  EXPECT_NE(told.find(" 500 "), std::string::npos) << told;
  EXPECT_NE(told.find("two is down by your word, but only until this process ends"), std::string::npos) << told;
  EXPECT_NE(http("POST", "/undrain?target=two").find(" 500 "), std::string::npos);
  std::filesystem::remove_all(file);
  EXPECT_NE(http("POST", "/undrain?target=one").find(" 200 "), std::string::npos);
  EXPECT_EQ(read("state/dns/overrides.json").find("soon"), std::string::npos);
}

TEST_F(ControlTest, ReloadsAllOrNothing) {
  write_config("127.0.0.1:0", "all: [{failover: [two, one]}]");
  EXPECT_NE(http("POST", "/reload").find(" 200 "), std::string::npos);
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.2"); }));

  write_config("127.0.0.1:0", "all: [{failover: [two, three]}]");
  write("zone", std::string(kZone) + "a A nonsense\n");
  const std::string refused = http("POST", "/reload");
  EXPECT_NE(refused.find(" 422 "), std::string::npos) << refused;
  EXPECT_NE(refused.find("three"), std::string::npos) << refused;
  EXPECT_NE(refused.find("zone:5:5: error"), std::string::npos) << refused;
  EXPECT_TRUE(answers("127.0.0.2"));

  write("zone", kZone);
  write_config("127.0.0.1:1", "all: [{failover: [one, two]}]");
  const std::string restart = http("POST", "/reload");
  EXPECT_NE(restart.find("dns.listen: a change needs a restart"), std::string::npos) << restart;
  EXPECT_TRUE(answers("127.0.0.2"));

  write_config("127.0.0.1:0", "all: [{failover: [one, two]}]");
  supervisor_->post([this] { supervisor_->request_reload(); });
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.1"); }));
  const std::string metrics = http("GET", "/metrics");
  EXPECT_NE(metrics.find("meridian_dns_reloads_total{outcome=\"refused\"} 2"), std::string::npos);
  EXPECT_NE(metrics.find("meridian_dns_steered_total{name=\"www.example.com\",region=\"two\"}"), std::string::npos);
}

// Who was answered, and how often which region was given: for the guard of the geo database, and for the operator.
TEST_F(ControlTest, WhatWasGivenOutlivesAReload) {
  const auto given = [this] {
    const std::string page = http("GET", "/given");
    return boost::json::parse(page.substr(page.find("\r\n\r\n") + 4)).at("answers").as_array();
  };
  const auto steered = [this] { return metric(R"(meridian_dns_steered_total{name="www.example.com",region="one"})"); };
  EXPECT_TRUE(given().empty());
  for (int i = 0; i < 300; ++i) EXPECT_TRUE(answers("127.0.0.1"));  // one in sixteen is kept
  EXPECT_TRUE(eventually([&] { return steered() == "300"; })) << steered();
  for (const bool reloads : {false, true}) {
    if (reloads) {
      EXPECT_NE(http("POST", "/reload").find(" 200 "), std::string::npos);
    }
    const auto list = given();
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0].at("name"), "www.example.com");
    EXPECT_EQ(list[0].at("client"), "127.0.0.0/24");
    EXPECT_EQ(list[0].at("subnet"), false);
    EXPECT_GE(list[0].at("count").to_number<int>(), 1);
    EXPECT_LT(list[0].at("count").to_number<int>(), 300);
    EXPECT_EQ(steered(), "300");
  }
}

// Without a word of the operator: a good one is taken, and what is no database is told and left.
TEST_F(ControlTest, AGeoDatabaseThatIsReplacedIsTaken) {
  const auto put = [this](const std::string& fixture) {  // by rename, as updaters do
    std::filesystem::copy_file(::test::build_file(fixture), folder_ / "draft");
    std::filesystem::rename(folder_ / "draft", folder_ / "city.mmdb");
  };
  const auto told = [this](const std::string& what) {
    return std::ranges::count_if(log_.lines(),
                                 [&](const std::string& line) { return line.find(what) != std::string::npos; });
  };
  // In the background, where a busy machine lets it wait.
  const auto built = [](const std::function<bool()>& condition) {
    for (int i = 0; i < 5 && !condition(); ++i) (void)eventually(condition);
    return condition();
  };
  put("geo/city-24.mmdb");
  start_with("  names: {", "  geo: {database: city.mmdb, poll: 100ms}\n  names: {");
  const auto generation = [this] { return status().at("generation").to_number<int>(); };
  const int before = generation();
  EXPECT_EQ(told("event=geo_database_taken"), 0);
  put("geo/city-28.mmdb");
  EXPECT_TRUE(built([&] { return told("event=geo_database_taken") == 1; }));
  EXPECT_TRUE(built([&] { return generation() == before + 1; }));
  EXPECT_TRUE(built([&] { return told("event=reloaded") == 1; }));
  std::ofstream(folder_ / "draft") << "no database";
  std::filesystem::rename(folder_ / "draft", folder_ / "city.mmdb");
  EXPECT_TRUE(built([&] { return told("event=geo_database_refused") == 1; }));
  EXPECT_EQ(generation(), before + 1);
  EXPECT_TRUE(answers("127.0.0.1"));
  put("geo/city-32.mmdb");
  EXPECT_TRUE(built([&] { return told("event=geo_database_taken") == 2; }));
  EXPECT_EQ(told("event=geo_database_refused"), 1) << "once";
}

TEST_F(ControlTest, RefusesAStateDirectoryInUse) {
  shared::load::Diagnostics diagnostics;
  auto world = load_world((folder_ / "config.yaml").string(), diagnostics);
  ASSERT_TRUE(world);
  shared::Supervisor supervisor;
  const auto second = Control::start(supervisor, {"config.yaml", "test"}, std::move(*world));
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("in use"), std::string::npos) << second.error().message;
}

TEST_F(ControlTest, AReloadThatASuccessorWouldNotKnowOfIsRefused) {
  auto successor = shared::Predecessor::ask((folder_ / "state/dns").string());
  ASSERT_TRUE(successor) << successor.error().message;
  ASSERT_TRUE(*successor);
  const std::string refused = http("POST", "/reload");
  EXPECT_NE(refused.find(" 422 "), std::string::npos) << refused;
  EXPECT_NE(refused.find("an upgrade is under way: reload when the new process serves"), std::string::npos) << refused;
  (*successor)->failed("of a test");
  EXPECT_TRUE(eventually([this] { return http("POST", "/reload").find(" 200 ") != std::string::npos; }));
}

// It was begun before the successor came, which has read files of its own since.
TEST_F(ControlTest, AReloadThatASuccessorOvertakesIsRefused) {
  std::string zone = "$TTL 60\n@ SOA ns host 7 2 3 4 60\n@ NS ns\nns A 192.0.2.55\n";
  for (int i = 0; i < 20'000; ++i) zone += "n" + std::to_string(i) + " A 192.0.2.1\n";
  write("zone", zone);
  bool overtaken = false;
  while (!overtaken) {
    std::promise<ReloadOutcome> promise;
    auto outcome = promise.get_future();
    supervisor_->post([&] {
      control_->reload(Control::Reload::everything, [&](const ReloadOutcome& end) { promise.set_value(end); });
    });
    auto successor = shared::Predecessor::ask((folder_ / "state/dns").string());
    ASSERT_TRUE(successor) << successor.error().message;
    overtaken = outcome.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
    const ReloadOutcome end = outcome.get();
    if (overtaken) {
      EXPECT_FALSE(end.done);
      EXPECT_NE(end.text.find("an upgrade is under way"), std::string::npos) << end.text;
    }
    (*successor)->failed("of a test");
    EXPECT_TRUE(eventually([this] { return http("POST", "/reload").find(" 200 ") != std::string::npos; }));
  }
}

// They are built over what served when they were asked for; a reload of everything was on its way then.
TEST_F(ControlTest, OverridesThatAreReadDuringAReloadDoNotTakeItBack) {
  write("rows.yaml", "192.0.2.0/24: {regions: [two]}\n");
  start_with("  names: {", "  geo: {overrides: rows.yaml}\n  names: {");
  write("zone", "$TTL 60\n@ SOA ns host 6 2 3 4 60\n@ NS ns\nns A 192.0.2.54\n");
  write("rows.yaml", "127.0.0.0/8: {regions: [two]}\n");
  std::promise<ReloadOutcome> everything;
  std::promise<ReloadOutcome> overrides;
  supervisor_->post([&] {
    control_->reload(Control::Reload::everything, [&](const ReloadOutcome& end) { everything.set_value(end); });
    control_->reload(Control::Reload::overrides, [&](const ReloadOutcome& end) { overrides.set_value(end); });
  });
  const auto first = everything.get_future().get();
  const auto second = overrides.get_future().get();
  EXPECT_TRUE(first.done) << first.text;
  EXPECT_TRUE(second.done) << second.text;
  EXPECT_EQ(ask("ns.example.com"), std::vector<std::string>{"ns.example.com. 60 IN A 192.0.2.54"});
  EXPECT_TRUE(answers("127.0.0.2"));
  EXPECT_NE(http("GET", "/building").find("idle"), std::string::npos);
}

TEST_F(ControlTest, HundredReloadsUnderLoadLoseNothing) {
  std::atomic<bool> stop_load{false};
  std::atomic<unsigned> lost{0};
  std::thread load([&] {
    while (!stop_load) {
      if (ask() != std::vector<std::string>{"www.example.com. 60 IN A 127.0.0.1"}) ++lost;
    }
  });
  for (int i = 0; i < 100; ++i) EXPECT_NE(http("POST", "/reload").find(" 200 "), std::string::npos);
  stop_load = true;
  load.join();
  EXPECT_EQ(lost, 0U);
}

// Sends without waiting and counts what comes back, until it is told to end.
void flood(int type, const Endpoint& to, std::atomic<unsigned>& replies, const std::atomic<bool>& ending) {
  test::QueryBuilder query;
  query.name = "www.example.com";
  test::Bytes bytes = query.build();
  if (type == SOCK_STREAM) bytes.insert(bytes.begin(), {0, static_cast<std::uint8_t>(bytes.size())});
  const auto fd = connect_to(type, to);
  test::Bytes reply(4096);
  while (!ending) {
    ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (::recv(fd.get(), reply.data(), reply.size(), MSG_DONTWAIT) > 0) ++replies;
  }
}

// Reload, new answers and the end, all at once and under load over UDP and TCP: what a thread sanitizer is to look at.
TEST_F(ControlTest, EndsUnderLoadWhileItReloadsAndPublishes) {
  for (int round = 0; round < 4; ++round) {
    std::atomic<unsigned> udp{0};
    std::atomic<unsigned> tcp{0};
    std::atomic<bool> ending{false};
    std::jthread datagrams([&] { flood(SOCK_DGRAM, dns_, udp, ending); });
    std::jthread streams([&] { flood(SOCK_STREAM, dns_, tcp, ending); });
    EXPECT_TRUE(eventually([&] { return udp > 50 && tcp > 50; }));
    EXPECT_NE(http("POST", "/reload").find(" 200 "), std::string::npos);
    const auto published = request("POST", "/drain?target=one");
    const auto reloading = request("POST", "/reload");
    const auto undone = request("POST", "/undrain?target=one");
    stop();
    ending = true;
    datagrams.join();
    streams.join();
    start();
    EXPECT_NE(http("POST", "/undrain?target=one").find(" 200 "), std::string::npos);
    EXPECT_TRUE(eventually([this] { return answers("127.0.0.1"); }));
  }
}

}  // namespace
}  // namespace dns::control_test
