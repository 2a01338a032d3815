#include "edge/core/message/path_rules.h"

#include <gtest/gtest.h>

#include <string>

namespace edge::path_rules_test {
namespace {

std::string rewritten(const shared::Result<PathRule>& rule, std::string_view path) {
  std::string out = "unchanged";
  if (!rule) return "error: " + rule.error().message;
  return rule->apply(path, out) ? out : "unchanged";
}

TEST(PathRules, TakesPrefixesAwayAtSegments) {
  const auto strip = PathRule::prefixes("/api/", "");
  EXPECT_EQ(rewritten(strip, "/api/items/7"), "/items/7");
  EXPECT_EQ(rewritten(strip, "/api"), "/");
  EXPECT_EQ(rewritten(strip, "/api/"), "/");
  EXPECT_EQ(rewritten(strip, "/apis/items"), "unchanged");
  EXPECT_EQ(rewritten(strip, "/v1/api/items"), "unchanged");
  EXPECT_EQ(rewritten(strip, "/api/a%2fb/"), "/a%2fb/") << "what an escape hides stays hidden";
  EXPECT_EQ(rewritten(strip, "/api;v=1/items;w=2"), "/items;w=2") << "as routes read it";
  EXPECT_EQ(rewritten(PathRule::prefixes("/fetch", ""), "/fetch/https://x/y"), "/https://x/y");
  EXPECT_EQ(rewritten(strip, "//api//other.example/x"), "/other.example/x") << "no server takes it for a host";
}

TEST(PathRules, PutsPrefixesInFront) {
  EXPECT_EQ(rewritten(PathRule::prefixes("/api", "/internal/v2/"), "/api/items"), "/internal/v2/items");
  EXPECT_EQ(rewritten(PathRule::prefixes("", "/app"), "/x/y"), "/app/x/y");
  EXPECT_EQ(rewritten(PathRule::prefixes("/", "/app"), "/"), "/app/");
}

TEST(PathRules, ATemplateNamesSegmentsAndTheRest) {
  const auto rule = PathRule::parse("/users/{id}/{rest*}", "/v2/accounts/{id}/of/{rest}");
  EXPECT_EQ(rewritten(rule, "/users/7/a/b"), "/v2/accounts/7/of/a/b");
  EXPECT_EQ(rewritten(rule, "/users/7"), "/v2/accounts/7/of/");
  EXPECT_EQ(rewritten(rule, "/users"), "unchanged") << "{id} is one segment";
  EXPECT_EQ(rewritten(rule, "/users//a"), "/v2/accounts/a/of/") << "an empty segment is none";
  const auto two = PathRule::parse("/{lang}/shop/{item}", "/shop-{lang}/{item}.html");
  EXPECT_EQ(rewritten(two, "/de/shop/7"), "/shop-de/7.html");
  EXPECT_EQ(rewritten(two, "/de/shop/7/"), "/shop-de/7.html/") << "a final slash stays one";
  EXPECT_EQ(rewritten(two, "/de/shop/7/8"), "unchanged");
  EXPECT_EQ(rewritten(PathRule::parse("/old", "/new"), "/old"), "/new");
  EXPECT_EQ(rewritten(PathRule::parse("/{an_Id-7}", "/x/{an_Id-7}"), "/1"), "/x/1");
}

TEST(PathRules, SaysWhatIsWrongWithATemplate) {
  const auto complaint = [](std::string_view from, std::string_view to) {
    const auto rule = PathRule::parse(from, to);
    return rule ? std::string() : rule.error().message;
  };
  EXPECT_NE(complaint("x", "/y").find("does not begin with '/'"), std::string::npos);
  EXPECT_NE(complaint("/{a*}/b", "/y").find("nothing can follow"), std::string::npos);
  EXPECT_NE(complaint("/{a}/{a}", "/y").find("twice"), std::string::npos);
  EXPECT_NE(complaint("/a{b}", "/y").find("is neither {NAME} nor"), std::string::npos);
  EXPECT_NE(complaint("/{}", "/y"), "");
  EXPECT_NE(complaint("/{a}", "/{b}").find("no {b} in from"), std::string::npos);
  EXPECT_NE(complaint("/{a}", "/{a").find("no {"), std::string::npos);
  EXPECT_NE(complaint("/{a}", "/x//y").find("empty segment"), std::string::npos);
  EXPECT_NE(complaint("/{a}", "/x/../{a}").find("'.' or '..'"), std::string::npos);
  EXPECT_NE(complaint("/{a}", "/x?y={a}").find("cannot stand in a path"), std::string::npos);
  EXPECT_NE(complaint("/{a}", "/%{a}").find("cannot stand in a path"), std::string::npos);
  EXPECT_NE(complaint("/{a}", "/%00"), "");
  EXPECT_NE(complaint("/{a.b}", "/y"), "");
  for (const char* escape : {"/a%5cte", "/%C0%AF", "/%61", "/x/%2e{a}", "/%7"}) {
    EXPECT_NE(complaint("/{a}", escape).find("cannot stand in a path"), std::string::npos) << escape;
  }
  EXPECT_NE(complaint("/%61pi/{a}", "/{a}").find("when it is matched"), std::string::npos) << "it would never fit";
  EXPECT_EQ(complaint("/a%2Fb/{a}", "/%C3%A4/{a}"), "");
  for (const char* text : {"/ ", "/\x1f", "/\x7f", "/\x80", "/#", "/;", "/\\"})
    EXPECT_NE(complaint("/{a}", text).find("cannot stand in a path"), std::string::npos) << text;
}

TEST(PathRules, TheFirstThatFitsIsTaken) {
  PathRules rules;
  rules.push_back(*PathRule::parse("/a/b", "/one"));
  rules.push_back(*PathRule::parse("/a/{x}", "/two/{x}"));
  std::string out;
  EXPECT_EQ(rewrite_path(rules, "/a/b", out), &rules[0]);
  EXPECT_EQ(out, "/one");
  EXPECT_EQ(rewrite_path(rules, "/a/c", out), &rules[1]);
  EXPECT_EQ(out, "/two/c");
  EXPECT_EQ(rewrite_path(rules, "/b", out), nullptr);
  EXPECT_EQ(rules[1].text(), "/a/{x} -> /two/{x}");
}

TEST(PathRules, FindsDotSegments) {
  EXPECT_TRUE(has_dot_segment("/a/.."));
  EXPECT_TRUE(has_dot_segment("/./a"));
  EXPECT_TRUE(has_dot_segment("/a/..;x/b"));
  EXPECT_FALSE(has_dot_segment("/a/..b/.c/d."));
}

}  // namespace
}  // namespace edge::path_rules_test
