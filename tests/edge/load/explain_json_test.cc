#include "edge/load/explain_json.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace edge::explain_json_test {
namespace {

TEST(ExplainJson, HasAllThatWasSaid) {
  Explanation explanation;
  explanation.request.host = "shop.example";
  explanation.region = "eu";
  explanation.lines = {{"route", "api"}, {"pick", "a, its turn"}};
  explanation.kind = "pool";
  explanation.route = "api";
  explanation.server = "a";
  explanation.limit = {.name = "per-client", .remaining = 3, .wait = shared::milliseconds(1)};
  explanation.cache = ForeseenCache{"hit", "store m: hit", 57};
  explanation.answer = "route api, pool web, server a";
  const auto said = boost::json::parse(to_json(explanation)).as_object();
  EXPECT_EQ(said.at("edge").at("region"), "eu");
  EXPECT_EQ(said.at("why").at(1).at("text"), "a, its turn");
  EXPECT_TRUE(said.at("status").is_null()) << "a server says";
  EXPECT_EQ(said.at("limit").at("remaining").to_number<int>(), 3);
  EXPECT_EQ(said.at("limit").at("wait_ms").to_number<int>(), 1);
  EXPECT_EQ(said.at("cache").at("fresh_for").to_number<int>(), 57);
  EXPECT_TRUE(said.at("pool").is_null());
  EXPECT_EQ(std::string(said.at("answer").as_string()), explanation.answer);
}

TEST(ExplainJson, HasTheStatusOfARefusal) {
  Explanation explanation;
  explanation.kind = "refused";
  explanation.status = 403;
  explanation.reason = "denied by the access list 'office'";
  const auto said = boost::json::parse(to_json(explanation)).as_object();
  EXPECT_EQ(said.at("status").to_number<int>(), 403);
  EXPECT_EQ(std::string(said.at("reason").as_string()), explanation.reason);
  EXPECT_TRUE(said.at("limit").is_null());
  EXPECT_TRUE(said.at("cache").is_null());
}

}  // namespace
}  // namespace edge::explain_json_test
