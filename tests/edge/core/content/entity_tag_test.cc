#include "edge/core/content/entity_tag.h"

#include <gtest/gtest.h>

namespace edge::entity_tag_test {
namespace {

TEST(EntityTag, IsQuotedAndMayBeWeak) {
  const auto strong = parse_entity_tag("\"xyzzy\"");
  ASSERT_TRUE(strong);
  EXPECT_EQ(strong->opaque, "\"xyzzy\"");
  EXPECT_FALSE(strong->weak);
  const auto weak = parse_entity_tag(" W/\"a,b\" ");
  ASSERT_TRUE(weak);
  EXPECT_EQ(weak->opaque, "\"a,b\"");
  EXPECT_TRUE(weak->weak);
  EXPECT_TRUE(parse_entity_tag("\"\""));
  for (const char* const none :
       {"", "*", "xyzzy", "\"", "\"xyzzy", "w/\"x\"", "W/", "\"a b\"", "\"a\"b", "\"a\",\"b\""})
    EXPECT_FALSE(parse_entity_tag(none)) << none;
}

// The table of RFC 9110 8.8.3.2.
TEST(EntityTag, ComparesStronglyOrWeakly) {
  const auto same = [](const char* a, const char* b, TagComparison how) {
    return same_entity(*parse_entity_tag(a), *parse_entity_tag(b), how);
  };
  EXPECT_FALSE(same("W/\"1\"", "W/\"1\"", TagComparison::strong));
  EXPECT_TRUE(same("W/\"1\"", "W/\"1\"", TagComparison::weak));
  EXPECT_FALSE(same("W/\"1\"", "W/\"2\"", TagComparison::weak));
  EXPECT_FALSE(same("W/\"1\"", "\"1\"", TagComparison::strong));
  EXPECT_TRUE(same("W/\"1\"", "\"1\"", TagComparison::weak));
  EXPECT_TRUE(same("\"1\"", "\"1\"", TagComparison::strong));
}

TEST(EntityTag, IsFoundInAList) {
  const EntityTag tag = *parse_entity_tag("\"b\"");
  EXPECT_TRUE(lists_entity("\"a\", \"b\",\"c\"", tag, TagComparison::strong));
  EXPECT_TRUE(lists_entity(" ,, \"b\"", tag, TagComparison::strong)) << "empty elements are passed over";
  EXPECT_TRUE(lists_entity("\"x,y\", W/\"b\"", tag, TagComparison::weak)) << "a comma inside quotes separates nothing";
  EXPECT_FALSE(lists_entity("\"x,\"b\"", tag, TagComparison::weak));
  EXPECT_FALSE(lists_entity("\"a\", W/\"b\"", tag, TagComparison::strong));
  EXPECT_FALSE(lists_entity("\"a\" \"b\"", tag, TagComparison::weak));
  EXPECT_FALSE(lists_entity("bad, \"b\"", tag, TagComparison::weak)) << "nothing behind what is malformed";
  EXPECT_FALSE(lists_entity("*", tag, TagComparison::weak));
  EXPECT_FALSE(lists_entity("", tag, TagComparison::weak));
}

}  // namespace
}  // namespace edge::entity_tag_test
