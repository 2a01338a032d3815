#include "edge/core/cache/learned_hints.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/edge/core/cache/parsed.h"

namespace edge::learned_hints_test {
namespace {

using Links = std::vector<std::string>;

Links links(std::string_view fields, std::string_view request = "", int status = 200) {
  const ParsedRequest asked(request);
  const ParsedResponse answer(fields, status);
  return links_to_hint(asked.head.fields, answer.head);
}

TEST(LinksToHint, AreThoseToPreloadAndPreconnect) {
  EXPECT_EQ(links("Link: </a.css>; rel=preload; as=style, </next>; rel=next\r\nLink: <https://cdn.test>; "
                  "rel=\"preconnect\"\r\n"),
            (Links{"</a.css>; rel=preload; as=style", "<https://cdn.test>; rel=\"preconnect\""}));
  EXPECT_EQ(
      links("Link: </a,b;rel=next.js>; as=script; REL=\"foo Preload\"; title=\"x, y\", </m.js>;rel=modulepreload\r\n"),
      (Links{"</a,b;rel=next.js>; as=script; REL=\"foo Preload\"; title=\"x, y\"", "</m.js>;rel=modulepreload"}));
  for (const char* bad :
       {"</a>", "</a>; rel", "/a; rel=preload", "</a>; rel=preloaded", "</a>; rel=prefetch; as=preload", "<", "</a",
        "</a>; rel=\"", ",,,", "</a>;;;", "</a>; title=\"rel=preload", "</\xc3\xa4>; rel=preload"}) {
    EXPECT_TRUE(links("Link: " + std::string(bad) + "\r\n").empty()) << bad;
  }
}

TEST(LinksToHint, AreNoneOfWhatIsForOneClient) {
  const std::string link = "Link: </a>; rel=preload\r\n";
  EXPECT_EQ(links(link).size(), 1U);
  EXPECT_TRUE(links(link, "", 404).empty());
  EXPECT_TRUE(links(link + "Cache-Control: private\r\n").empty());
  EXPECT_TRUE(links(link + "Cache-Control: no-store\r\n").empty());
  EXPECT_TRUE(links(link + "Set-Cookie: a=b\r\n").empty());
  EXPECT_TRUE(links(link, "Authorization: Basic eA==\r\n").empty());
  std::string many;
  for (int i = 0; i < 50; ++i) many += link;
  EXPECT_EQ(links(many).size(), LearnedHints::kMostLinks);
  EXPECT_TRUE(links("Link: </" + std::string(600, 'a') + ">; rel=preload\r\n").empty());
}

TEST(LearnedHints, KnowTheLastAnswerForAWhile) {
  const shared::TimePoint now{};
  LearnedHints hints;
  EXPECT_EQ(hints.find("a", now), nullptr);
  hints.learn("a", {"one"}, now);
  ASSERT_NE(hints.find("a", now), nullptr);
  EXPECT_EQ(*hints.find("a", now), Links{"one"});
  hints.learn("a", {"two"}, now);
  EXPECT_EQ(*hints.find("a", now), Links{"two"});
  EXPECT_EQ(hints.find("a", now + shared::seconds(25 * 3600)), nullptr);
  hints.learn("a", {}, now);
  EXPECT_EQ(hints.find("a", now), nullptr);
}

TEST(LearnedHints, AreBounded) {
  const shared::TimePoint now{};
  LearnedHints hints;
  for (std::size_t i = 0; i < 3 * LearnedHints::kMost; ++i) hints.learn(std::to_string(i), {"x"}, now);
  EXPECT_EQ(hints.find("0", now), nullptr);
  EXPECT_NE(hints.find(std::to_string(3 * LearnedHints::kMost - 1), now), nullptr);
  hints.learn(std::string(1000, 'a'), {"x"}, now);
  EXPECT_EQ(hints.find(std::string(1000, 'a'), now), nullptr);
}

}  // namespace
}  // namespace edge::learned_hints_test
