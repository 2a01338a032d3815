#include "edge/serve/control/scale_memory.h"

#include <gtest/gtest.h>

namespace edge::scale_memory_test {
namespace {

TEST(ScaleMemory, IsReadAsItWasWritten) {
  const ScaleMemory memory{.at = 1000, .pools = {{"a b", {7, 900, "cpu \"84\" %\nand more"}}, {"web", {1, 0, "min"}}}};
  const std::string text = memory.to_json();
  EXPECT_EQ(text.find('\n'), std::string::npos) << "a line among others of what a successor is told";
  const auto again = ScaleMemory::parse(text);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, memory);
}

TEST(ScaleMemory, AnythingElseIsRefused) {
  for (const char* text : {"", "[]", "{}", R"({"at":1})", R"({"at":"x","pools":{}})", R"({"at":1,"pools":[]})",
                           R"({"at":1,"pools":{"web":7}})", R"({"at":1,"pools":{"web":{"desired":7,"reason":"x"}}})",
                           R"({"at":1,"pools":{"web":{"desired":-7,"decided":1,"reason":"x"}}})",
                           R"({"at":1,"pools":{"web":{"desired":5000000000,"decided":1,"reason":"x"}}})",
                           R"({"at":1,"pools":{"web":{"desired":7,"decided":1.5,"reason":"x"}}})",
                           R"({"at":1,"pools":{"web":{"desired":7,"decided":1,"reason":3}}})"}) {
    EXPECT_FALSE(ScaleMemory::parse(text)) << text;
  }
}

TEST(ScaleMemory, AnOldOneCountsNoMore) {
  const ScaleMemory memory{.at = 1000, .pools = {}};
  EXPECT_TRUE(memory.fresh(1000));
  EXPECT_TRUE(memory.fresh(1600));
  EXPECT_FALSE(memory.fresh(1601));
  EXPECT_FALSE(memory.fresh(999)) << "of a clock that was set back: nobody knows how old it is";
}

}  // namespace
}  // namespace edge::scale_memory_test
