#include "shared/http/authorization.h"

#include <gtest/gtest.h>

namespace http::authorization_test {
namespace {

TEST(Authorization, BearerTokens) {
  EXPECT_EQ(bearer_token("Bearer abc"), "abc");
  EXPECT_EQ(bearer_token("bEARER a b"), "a b");
  for (const std::string_view other : {"", "Bearer", "Bearer ", "Bearerabc", "Basic abc", " Bearer abc"}) {
    EXPECT_EQ(bearer_token(other), "") << other;
  }
}

TEST(Authorization, KeysAreTheSameOnlyWhole) {
  EXPECT_TRUE(equals_in_constant_time("", ""));
  EXPECT_TRUE(equals_in_constant_time("key\xFF", "key\xFF"));
  for (const std::string_view other : {"", "ke", "Key", "kez", "key ", "\xEBy"}) {
    EXPECT_FALSE(equals_in_constant_time(other, "key")) << other;
  }
}

}  // namespace
}  // namespace http::authorization_test
