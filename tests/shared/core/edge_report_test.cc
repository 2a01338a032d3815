#include "shared/core/edge_report.h"

#include <random>

#include <gtest/gtest.h>

namespace shared::edge_report_test {
namespace {

using State = EdgeReport::State;

// What edges wrote before the page had a version: nodes and edges are never all upgraded at once.
constexpr std::string_view kOldUp = "{\"region\":\"eu\",\"state\":\"up\"}\n";
constexpr std::string_view kOldDown =
    "{\"region\":\"eu\",\"state\":\"down\",\"reason\":\"critical_pool_down\",\"pool\":\"web\"}\n";
constexpr std::string_view kOldDraining = "{\"region\":\"eu\",\"state\":\"draining\"}\n";

EdgeReport report(State state, std::string reason = {}, std::string pool = {}) {
  EdgeReport made;
  made.state = state;
  made.region = "eu";
  made.reason = std::move(reason);
  made.pool = std::move(pool);
  return made;
}

TEST(EdgeReport, ReadsWhatOlderEdgesWrite) {
  EXPECT_EQ(parse_edge_report(kOldUp), report(State::up));
  EXPECT_EQ(parse_edge_report(kOldDown), report(State::down, "critical_pool_down", "web"));
  EXPECT_EQ(parse_edge_report(kOldDraining), report(State::draining));
}

// They look for the octets of the state, and for "reason" and "pool" in a JSON object.
TEST(EdgeReport, OlderNodesReadWhatIsWritten) {
  EXPECT_NE(write(report(State::draining)).find("\"state\":\"draining\""), std::string::npos);
  EXPECT_EQ(write(report(State::up)), "{\"version\":1,\"region\":\"eu\",\"state\":\"up\"}\n");
  EXPECT_EQ(
      write(report(State::down, "critical_pool_down", "web")),
      "{\"version\":1,\"region\":\"eu\",\"state\":\"down\",\"reason\":\"critical_pool_down\",\"pool\":\"web\"}\n");
}

TEST(EdgeReport, WhiteSpaceAndOrderMeanNothing) {
  for (const std::string_view text :
       {"{ \"state\" : \"draining\" }", "{\n\t\"state\"\r:\n\"draining\",\"region\":\"\"}",
        "{\"x\":1,\"state\":\"draining\"}", R"({"state":"dr\u0061ining"})"}) {
    const auto read = parse_edge_report(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->state, State::draining) << text;
  }
}

TEST(EdgeReport, WhatANewerEdgeAddsIsPassedOver) {
  const auto read = parse_edge_report(R"({"version":1,"state":"up","load":{"cpu":[0.5,{"a":null}]},)"
                                      R"("pools":[{"name":"web","servers":3,"usable":2,"rtt":1.5}]})");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->pools.size(), 1U);
  EXPECT_EQ(read->pools[0], (EdgeReport::Pool{"web", 3, 2}));
  EXPECT_FALSE(parse_edge_report(R"({"version":2,"state":"up"})")) << "known fields have another meaning";
}

TEST(EdgeReport, StrictAboutWhatItKnows) {
  for (const std::string_view text : {
           "",
           "up",
           "[1]",
           "{}",
           R"({"region":"eu"})",
           R"({"state":"well"})",
           R"({"state":"up"} x)",
           R"({"state":"up")",
           R"({"state":1})",
           R"({"state":["draining"]})",
           R"({"words":"\"state\":\"draining\""})",
           R"({"state":"up","region":7})",
           R"({"state":"down","reason":null})",
           R"({"state":"up","version":"1"})",
           R"({"state":"up","version":0})",
           R"({"state":"up","version":1.0})",
           R"({"state":"up","version":-1})",
           R"({"state":"up","pools":{}})",
           R"({"state":"up","pools":[1]})",
           R"({"state":"up","pools":[{"servers":1,"usable":1}]})",
           R"({"state":"up","pools":[{"name":"a","servers":1}]})",
           R"({"state":"up","pools":[{"name":"a","servers":1,"usable":2}]})",
           R"({"state":"up","pools":[{"name":"a","servers":4294967296,"usable":1}]})",
           R"({"state":"up","pools":[{"name":"a","servers":2.0,"usable":1}]})",
           R"({"state":"up","pools":[{"name":"a","servers":2.5,"usable":0}]})",
           R"({"state":"up","pools":[{"name":"a","servers":2,"usable":1e0}]})",
           R"({"state":"up","pools":[{"name":"a","servers":"2","usable":"1"}]})",
           R"({"state":"up","pools":[{"name":"a","servers":2,"usable":-1}]})",
           R"({"state":"up","pools":[{"name":"a","servers":2,"usable":null}]})",
       }) {
    EXPECT_FALSE(parse_edge_report(text)) << text;
  }
}

TEST(EdgeReport, Bounded) {
  const auto with_region = [](std::size_t size) {
    return R"({"state":"up","region":")" + std::string(size, 'r') + "\"}";
  };
  EXPECT_TRUE(parse_edge_report(with_region(EdgeReport::kLongestName)));
  EXPECT_FALSE(parse_edge_report(with_region(EdgeReport::kLongestName + 1)));
  EXPECT_FALSE(parse_edge_report(std::string(100, '[')));
  const std::string least = R"({"state":"up"})";
  EXPECT_TRUE(parse_edge_report(least + std::string(EdgeReport::kMaxSize - least.size(), ' ')));
  EXPECT_FALSE(parse_edge_report(least + std::string(EdgeReport::kMaxSize - least.size() + 1, ' ')));
  EdgeReport full = report(State::up);
  full.region = std::string(EdgeReport::kLongestName + 1, 'r');
  full.pools.assign(10'000, EdgeReport::Pool{"a pool with a name", 4'000'000'000, 1});
  const std::string text = write(full);
  EXPECT_LE(text.size(), EdgeReport::kMaxSize);
  const auto read = parse_edge_report(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->region, "");
  EXPECT_EQ(read->pools.size(), EdgeReport::kMaxPools) << "the first of them";
}

TEST(EdgeReport, ParseOfWriteIsTheSame) {
  std::mt19937 random(11);
  const auto below = [&](std::uint32_t n) { return std::uniform_int_distribution<std::uint32_t>(0, n - 1)(random); };
  const auto text = [&] {
    std::string made(below(4) == 0 ? 0 : below(30), ' ');
    for (char& c : made) c = static_cast<char>(below(256));
    return made;
  };
  for (int round = 0; round < 3000; ++round) {
    EdgeReport made;
    made.state = static_cast<State>(below(3));
    made.region = text();
    made.reason = text();
    made.pool = text();
    for (std::uint32_t pools = below(5); pools > 0; --pools) {
      const std::uint32_t servers = below(3) == 0 ? 0xFFFFFFFF : below(100);
      made.pools.push_back({"p" + text(), servers, servers == 0 ? 0 : below(servers)});
    }
    EXPECT_EQ(parse_edge_report(write(made)), made) << write(made);
  }
}

TEST(EdgeReport, ReasonsInWords) {
  EXPECT_EQ(words_of_reason(kCriticalPoolDown, "web"), "critical pool web is empty");
  EXPECT_EQ(words_of_reason(kCriticalPoolDown, ""), "critical_pool_down");
  EXPECT_EQ(words_of_reason(kAllPoolsDown, ""), "every pool is empty");
  EXPECT_EQ(words_of_reason("of_tomorrow", ""), "of_tomorrow");
}

}  // namespace
}  // namespace shared::edge_report_test
