#include "dns/serve/control/report.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dns/serve/control/lone_server.h"

namespace dns::status_test {
namespace {

using StatusTest = LoneServer;

// The probes have the time that a slow machine takes.
TEST_F(StatusTest, OfAServerThatIsWell) {
  start_with("interval: 100ms, timeout: 90ms", "interval: 2s, timeout: 1900ms");
  EXPECT_TRUE(answers("127.0.0.1"));
  EXPECT_TRUE(eventually([this] { return status().at("last_good").at("kept").is_string(); }));
  EXPECT_TRUE(eventually([this] { return region(1).at("edges").at(0).at("probes").to_number<int>() > 0; }));
  const auto all = status();
  EXPECT_EQ(all.at("program"), "meridian-dns");
  EXPECT_EQ(all.at("service"), "test");
  EXPECT_EQ(all.at("serving"), true);
  EXPECT_EQ(all.at("building"), false);
  EXPECT_EQ(all.at("isolated"), false);
  EXPECT_EQ(all.at("last_good").at("error"), "");
  EXPECT_EQ(boost::json::serialize(all.at("start")),
            R"({"serves":"files","copied":null,"problems":[],"zones_from_copy":[],"zones_left_out":[]})");
  EXPECT_EQ(boost::json::serialize(all.at("listen")), "[\"" + dns_.to_string() + "\"]");
  EXPECT_EQ(boost::json::serialize(all.at("names")),
            R"([{"name":"www.example.com","policy":"all","ttl_min":5,"ttl_max":60,"ttl_lowest_now":60,)"
            R"("ttl_highest_now":60}])");
  EXPECT_EQ(all.at("zones").at(0).at("origin"), "example.com.");
  EXPECT_EQ(all.at("zones").at(0).at("serial").to_number<int>(), 5);
  EXPECT_EQ(all.at("policies").at(0).at("name"), "all");
  EXPECT_EQ(all.at("workers").as_array().size(), 2U);
  EXPECT_EQ(all.at("workers").at(1).at("number").to_number<int>(), 1);
  EXPECT_EQ(all.at("workers").at(0).at("udp_queries").to_number<int>() +
                all.at("workers").at(1).at("udp_queries").to_number<int>(),
            1);
  EXPECT_EQ(all.at("regions").as_array().size(), 2U);
  const auto& two = all.at("regions").at(1).as_object();
  EXPECT_EQ(two.at("name"), "two");
  EXPECT_EQ(two.at("state"), "up");
  EXPECT_EQ(boost::json::serialize(two.at("policies")), R"(["all"])");
  EXPECT_FALSE(two.contains("cname"));
  const auto& edge = two.at("edges").at(0).as_object();
  EXPECT_EQ(edge.at("address"), "127.0.0.2");
  EXPECT_EQ(edge.at("state"), "up");
  EXPECT_EQ(edge.at("draining"), false);
  EXPECT_EQ(edge.at("reason"), "");
  EXPECT_EQ(edge.at("failures").to_number<int>(), 0);
  EXPECT_EQ(edge.at("verified"), true);
  EXPECT_EQ(edge.at("against").to_number<int>(), 0);
  EXPECT_EQ(edge.at("against_needed").to_number<int>(), 3);
  EXPECT_EQ(edge.at("falls_lately").to_number<int>(), 0);
  EXPECT_EQ(edge.at("held_down_for_ms").to_number<int>(), 0);
  EXPECT_EQ(edge.at("as_before_the_silence"), false);
  EXPECT_LE(edge.at("next_probe_in_ms").to_number<int>(), 2000);
}

TEST_F(StatusTest, OfAnEdgeThatIsDownAndOfAWordThatExpires) {
  start_with("interval: 100ms, timeout: 90ms", "interval: 500ms, timeout: 450ms");
  edge_one_.reset();
  EXPECT_TRUE(eventually([this] { return region(0).at("edges").at(0).at("probed").as_string() == "down"; }));
  EXPECT_TRUE(eventually([this] { return region(0).at("edges").at(0).at("verified").as_bool(); }));
  const auto fallen = region(0);
  EXPECT_EQ(fallen.at("state"), "down");
  EXPECT_EQ(fallen.at("edges").at(0).at("against_needed").to_number<int>(), 2);
  EXPECT_GT(fallen.at("edges").at(0).at("failures").to_number<int>(), 0);
  EXPECT_EQ(metric("meridian_dns_region_serves{region=\"one\"}"), "0");
  EXPECT_EQ(metric("meridian_dns_region_serves{region=\"two\"}"), "1");
  EXPECT_EQ(metric("meridian_dns_edge_up{region=\"one\",edge=\"127.0.0.1\"}"), "0");
  EXPECT_NE(metric("meridian_dns_probe_failures_total{region=\"one\",edge=\"127.0.0.1\"}"), "0");
  EXPECT_EQ(metric("meridian_dns_probe_failures_total{region=\"two\",edge=\"127.0.0.2\"}"), "0");
  EXPECT_EQ(metric("meridian_dns_edge_falls{region=\"one\",edge=\"127.0.0.1\"}"), "1");

  EXPECT_EQ(metric("meridian_dns_override{region=\"two\",edge=\"\",state=\"drained\"}"), "-");
  EXPECT_NE(http("POST", "/drain?target=two&expires=1000").find(" 200 "), std::string::npos);
  EXPECT_NE(http("POST", "/drain?target=127.0.0.2&state=up").find(" 200 "), std::string::npos);
  EXPECT_EQ(metric("meridian_dns_override{region=\"two\",edge=\"\",state=\"drained\"}"), "1");
  EXPECT_EQ(metric("meridian_dns_override{region=\"two\",edge=\"127.0.0.2\",state=\"up\"}"), "1");
  const int left = std::stoi(metric("meridian_dns_override_expires_seconds{region=\"two\",edge=\"\"}"));
  EXPECT_TRUE(left > 900 && left <= 1000) << left;
  EXPECT_EQ(metric("meridian_dns_override_expires_seconds{region=\"two\",edge=\"127.0.0.2\"}"), "-");
  const auto word = region(1).at("override").as_object();
  EXPECT_EQ(word.at("state"), "drained");
  const auto seconds = word.at("expires_in_seconds").to_number<int>();
  EXPECT_TRUE(seconds > 900 && seconds <= 1000) << seconds;
}

// What was broken at the start stands there until a reload of everything is good, and is no last good copy.
TEST_F(StatusTest, OfAStartFromWhatWasLeft) {
  EXPECT_TRUE(eventually([this] { return status().at("last_good").at("kept").is_string(); }));
  stop();
  std::filesystem::remove_all(folder_ / "state");
  std::filesystem::create_directory(folder_ / "state");
  report_.copied = shared::WallTime(std::chrono::seconds(86400));
  report_.problems = {{shared::load::Severity::error, {}, "a zone is broken"}};
  report_.zones_left_out = {"left.example."};
  start();
  const std::string problem = report_.problems.front().to_string();
  const auto started = [this] { return boost::json::serialize(status().at("start")); };
  EXPECT_EQ(started(), R"({"serves":"files, but for what is broken","copied":null,"problems":[")" + problem +
                           R"("],"zones_from_copy":[],"zones_left_out":["left.example."]})");
  EXPECT_EQ(metric("meridian_dns_start_problems"), "1");
  EXPECT_EQ(metric("meridian_dns_broken_zones{serves=\"nothing\"}"), "1");
  EXPECT_EQ(metric("meridian_dns_last_good_configuration"), "0");
  EXPECT_EQ(metric("meridian_dns_last_good_kept"), "0") << "of files that are broken";
  EXPECT_NE(http("POST", "/reload").find(" 200 "), std::string::npos);
  EXPECT_EQ(metric("meridian_dns_start_problems"), "0");
  EXPECT_EQ(status().at("start").at("serves"), "files");
  EXPECT_TRUE(eventually([this] { return metric("meridian_dns_last_good_kept") == "1"; }));

  stop();
  report_.zones_from_copy = {"example.com."};
  report_.zones_left_out.clear();
  start();
  EXPECT_EQ(started(), R"({"serves":"files, but for what is broken","copied":"1970-01-02T00:00:00Z",)"
                       R"("problems":[")" +
                           problem + R"("],"zones_from_copy":["example.com."],"zones_left_out":[]})");
  EXPECT_EQ(metric("meridian_dns_broken_zones{serves=\"last_good\"}"), "1");

  stop();
  report_ = {};
  report_.whole_copy = true;
  report_.copied = shared::WallTime(std::chrono::seconds(86400));
  start();
  EXPECT_EQ(status().at("start").at("serves"), "last good copy");
  EXPECT_EQ(status().at("start").at("copied"), "1970-01-02T00:00:00Z");
  EXPECT_EQ(metric("meridian_dns_last_good_configuration"), "1");
}

TEST_F(StatusTest, OfAGeoDatabaseThatWaitedAtTheStart) {
  EXPECT_EQ(status().at("geo").at("newer_waits"), false);
  EXPECT_EQ(status().at("geo").at("last_judged_by"), "");
  stop();
  report_.geo = GeoVerdict{.judged = true, .too_much = true, .by_answers = false, .moved = 0.75, .text = "much moves"};
  report_.geo_waiting = GeoMemory::Waiting{{}, "it moves too much"};
  start();
  const auto geo = status().at("geo").as_object();
  EXPECT_EQ(geo.at("newer_waits"), true);
  EXPECT_EQ(geo.at("last_judged_by"), "addresses");
  EXPECT_EQ(geo.at("last_moved_share"), 0.75);
  EXPECT_EQ(geo.at("refused_because"), "it moves too much");
  EXPECT_EQ(geo.at("guard").at("mode"), "enforce");
  EXPECT_EQ(metric("meridian_dns_geo_database_waits"), "1");
  EXPECT_EQ(metric("meridian_dns_geo_databases_total{outcome=\"refused\"}"), "1");
  EXPECT_THAT(http("GET", "/explain?name=www.example.com"),
              testing::HasSubstr("a newer database waits and is not taken: it moves too much"));
}

}  // namespace
}  // namespace dns::status_test
