#include "edge/core/cache/structured_field.h"

#include <gtest/gtest.h>

#include <string>

namespace edge::structured_field_test {
namespace {

std::string shown(std::string_view field) {
  std::string text;
  const bool read = for_each_member(field, [&](const DictionaryMember& member) {
    text += std::string(member.key) + ":" + std::to_string(static_cast<int>(member.type)) + ":" +
            std::string(member.value) + " ";
  });
  return read ? text : "none";
}

TEST(StructuredField, ReadsEveryTypeOfItem) {
  EXPECT_EQ(shown("a"), "a:0: ");
  EXPECT_EQ(shown("a=?0, b=?1"), "a:1: b:0: ");
  EXPECT_EQ(shown("a=-12,b=999999999999999"), "a:2:-12 b:2:999999999999999 ");
  EXPECT_EQ(shown("a=1.5"), "a:3:1.5 ");
  EXPECT_EQ(shown("a=\"x\\\"y\""), "a:4:x\\\"y ");
  EXPECT_EQ(shown("a=x/y:z"), "a:5:x/y:z ");
  EXPECT_EQ(shown("a=:aGk=:"), "a:6:aGk= ");
  EXPECT_EQ(shown("a=(1 \"b\";q=1 c), *d;e;f=2"), "a:7: *d:0: ");
  EXPECT_EQ(shown(""), "");
}

TEST(StructuredField, RefusesWhatIsNone) {
  for (const char* field : {"A", "a,", "a b", "a=", "a= 1", "a =1", "a=\"x", "a=1.", "a=1.2345", "a=1000000000000000",
                            "a=?2", "a=:x", "a=(1", "a=(1,2)", "a;", "a;B", "&&", "a=\"\x01\""}) {
    EXPECT_EQ(shown(field), "none") << field;
  }
}

}  // namespace
}  // namespace edge::structured_field_test
