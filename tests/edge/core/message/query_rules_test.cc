#include "edge/core/message/query_rules.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace edge::query_rules_test {
namespace {

using Op = QueryRule::Op;

std::string rewritten(const std::vector<QueryRule>& rules, std::string_view query) {
  QueryRules made;
  for (const QueryRule& rule : rules) made.apply(rule);
  std::string out = "old";
  made.rewrite(query, out);
  return out;
}

TEST(QueryRules, RemovesWhateverTheSpelling) {
  const std::vector<QueryRule> rules{{Op::remove, "utm_source"}};
  EXPECT_EQ(rewritten(rules, "?a=1&utm_source=x&b=2"), "?a=1&b=2");
  EXPECT_EQ(rewritten(rules, "?utm%5Fsource=x&a=%2f"), "?a=%2f");
  EXPECT_EQ(rewritten(rules, "?utm_source"), "");
  EXPECT_EQ(rewritten(rules, "?a=1;utm_source=x;b"), "?a=1;b") << "servers may read ';' so";
  EXPECT_EQ(rewritten(rules, "?a=1&utm_source=x"), "?a=1");
  EXPECT_EQ(rewritten(rules, ""), "");
  EXPECT_EQ(rewritten(rules, "?utm_sources=x&a&&b"), "?utm_sources=x&a&&b");
}

TEST(QueryRules, SetReplacesAndAddAdds) {
  EXPECT_EQ(rewritten({{Op::set, "v", "2"}}, "?v=1&a=b&v=3"), "?a=b&v=2");
  EXPECT_EQ(rewritten({{Op::set, "v", "2"}}, "?a;&&v=1"), "?a;&&v=2") << "what no rule names stays";
  EXPECT_EQ(rewritten({{Op::add, "v", "2"}}, "?v=1"), "?v=1&v=2");
  EXPECT_EQ(rewritten({{Op::add, "v", "2"}}, ""), "?v=2");
  EXPECT_EQ(rewritten({{Op::set, "a b", "c&d=e"}}, "?a+b=1"), "?a%20b=c%26d%3De");
}

TEST(QueryRules, TheLastRuleOfANameHolds) {
  EXPECT_EQ(rewritten({{Op::add, "v", "1"}, {Op::set, "v", "2"}}, "?v=0"), "?v=2");
  EXPECT_EQ(rewritten({{Op::set, "v", "1"}, {Op::remove, "v"}}, "?v=0&w"), "?w");
}

TEST(QueryRules, TheNameOfARuleIsNotEncoded) {
  EXPECT_EQ(rewritten({{Op::remove, "/"}, {Op::set, "%2f", "1"}}, "?%252f=0&%2f=0&a"), "?a&%252f=1");
  EXPECT_EQ(rewritten({{Op::remove, "a b"}, {Op::remove, "a+b"}}, "?a+b=0&a%2bb=0&c"), "?c");
}

TEST(QueryRules, ComparesNamesDecoded) {
  EXPECT_TRUE(decodes_to("a%5fb", "a_b"));
  EXPECT_TRUE(decodes_to("a+b", "a b"));
  EXPECT_TRUE(decodes_to("a%", "a%"));
  EXPECT_FALSE(decodes_to("a%5", "a_"));
  EXPECT_FALSE(decodes_to("ab", "a"));
  EXPECT_FALSE(decodes_to("a", "ab"));
}

}  // namespace
}  // namespace edge::query_rules_test
