#include "cli/explain_story.h"

#include <gtest/gtest.h>

namespace cli::explain_story_test {
namespace {

boost::json::object object(std::string_view text) { return boost::json::parse(text).as_object(); }

Story story_of(std::string_view region) {
  Story story;
  story.asked = "GET https://www.example.com/x";
  story.client = "81.2.69.142";
  story.dns = {
      {"unix:/dns", object(R"({"question": {"name": "www.example.com.", "type": "A", "client": "81.2.69.142/32"},
      "region": "eu", "why": [{"topic": "geo", "text": "continent EU"}],
      "reply": {"rcode": "NOERROR", "answer": ["www.example.com.\t30\tIN\tA\t192.0.2.10"]}})")}};
  story.edges = {{"unix:/edge", object(R"({"edge": {"region": ")" + std::string(region) + R"(", "node": "192.0.2.10"},
      "why": [{"topic": "route", "text": "api"}], "answer": "route api, pool web, server a"})")}};
  return story;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(ExplainStory, LeadsFromTheNameToTheServer) {
  const Story story = story_of("eu");
  EXPECT_EQ(region_of(story), "eu");
  EXPECT_EQ(addresses_in(story.dns.front().said), std::vector<std::string>{"192.0.2.10"});
  EXPECT_EQ(in_short(story), "region eu, edge 192.0.2.10, route api, pool web, server a");
  const std::string words = to_words(story);
  EXPECT_TRUE(has(words, "GET https://www.example.com/x, by 81.2.69.142\n")) << words;
  EXPECT_TRUE(has(words, "  geo        continent EU\n")) << words;
  EXPECT_TRUE(has(words, "  reply      www.example.com. 30 IN A 192.0.2.10\n")) << words;
  EXPECT_TRUE(has(words, "  answer     route api, pool web, server a\n")) << words;
  EXPECT_FALSE(has(words, "not the one")) << words;
  EXPECT_LT(words.find("Where DNS"), words.find("What becomes")) << words;
}

TEST(ExplainStory, SaysWhenAnEdgeIsOfAnotherRegion) {
  const Story story = story_of("us");
  EXPECT_TRUE(has(to_words(story), "not the one where DNS sends this client: eu"));
  EXPECT_EQ(in_short(story), "region eu, none of whose edges was asked");
}

TEST(ExplainStory, IsTheSameAsJson) {
  const auto said = object(to_json(story_of("eu")));
  EXPECT_EQ(said.at("dns").at(0).at("by"), "unix:/dns");
  EXPECT_EQ(said.at("edges").at(0).at("answer"), "route api, pool web, server a");
  EXPECT_EQ(said.at("answer"), "region eu, edge 192.0.2.10, route api, pool web, server a");
  EXPECT_TRUE(object(to_json(Story())).at("client").is_null());
  EXPECT_EQ(in_short(Story()), "nobody could be asked");
}

}  // namespace
}  // namespace cli::explain_story_test
