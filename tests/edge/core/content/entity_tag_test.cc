#include "edge/core/content/entity_tag.h"

#include <gtest/gtest.h>

namespace edge {
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
  const auto same = [](const char* a, const char* b, Comparison how) {
    return same_entity(*parse_entity_tag(a), *parse_entity_tag(b), how);
  };
  EXPECT_FALSE(same("W/\"1\"", "W/\"1\"", Comparison::strong));
  EXPECT_TRUE(same("W/\"1\"", "W/\"1\"", Comparison::weak));
  EXPECT_FALSE(same("W/\"1\"", "W/\"2\"", Comparison::weak));
  EXPECT_FALSE(same("W/\"1\"", "\"1\"", Comparison::strong));
  EXPECT_TRUE(same("W/\"1\"", "\"1\"", Comparison::weak));
  EXPECT_TRUE(same("\"1\"", "\"1\"", Comparison::strong));
}

TEST(EntityTag, IsFoundInAList) {
  const EntityTag tag = *parse_entity_tag("\"b\"");
  EXPECT_TRUE(lists_entity("\"a\", \"b\",\"c\"", tag, Comparison::strong));
  EXPECT_TRUE(lists_entity(" ,, \"b\"", tag, Comparison::strong)) << "empty elements are passed over";
  EXPECT_TRUE(lists_entity("\"x,y\", W/\"b\"", tag, Comparison::weak)) << "a comma inside quotes separates nothing";
  EXPECT_FALSE(lists_entity("\"x,\"b\"", tag, Comparison::weak));
  EXPECT_FALSE(lists_entity("\"a\", W/\"b\"", tag, Comparison::strong));
  EXPECT_FALSE(lists_entity("\"a\" \"b\"", tag, Comparison::weak));
  EXPECT_FALSE(lists_entity("bad, \"b\"", tag, Comparison::weak)) << "nothing behind what is malformed";
  EXPECT_FALSE(lists_entity("*", tag, Comparison::weak));
  EXPECT_FALSE(lists_entity("", tag, Comparison::weak));
}

}  // namespace
}  // namespace edge
