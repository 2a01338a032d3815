#include "edge/core/message/h2_field.h"

#include <string>

#include <gtest/gtest.h>

namespace edge {
namespace {

TEST(H2Field, NamesAreTokensInLowerCase) {
  EXPECT_TRUE(is_h2_name("x-request-id"));
  EXPECT_FALSE(is_h2_name("X-Request-Id"));
  EXPECT_FALSE(is_h2_name("a b"));
  EXPECT_FALSE(is_h2_name(""));
}

TEST(H2Field, ValuesHoldNoControlButATab) {
  EXPECT_TRUE(is_h2_value("a\tb \xc3\xa4"));
  EXPECT_TRUE(is_h2_value(""));
  EXPECT_FALSE(is_h2_value("a\rb"));
  EXPECT_FALSE(is_h2_value("a\nb"));
  EXPECT_FALSE(is_h2_value(std::string(1, '\0')));
  EXPECT_FALSE(is_h2_value("\x7f"));
}

}  // namespace
}  // namespace edge
