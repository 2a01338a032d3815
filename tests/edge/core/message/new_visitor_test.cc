#include "edge/core/message/new_visitor.h"

#include <gtest/gtest.h>

namespace edge::new_visitor_test {
namespace {

TEST(NewVisitor, IsGivenWhatItWasDecidedBy) {
  NewVisitor visitor;
  visitor.draw(0x0123456789abcdefULL);
  visitor.give("canary");
  visitor.give("canary");
  ASSERT_EQ(visitor.cookies().size(), 1U);
  EXPECT_EQ(visitor_cookie("canary", visitor, "http"),
            "canary=0123456789abcdef; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax");
  EXPECT_TRUE(visitor_cookie("canary", visitor, "https").ends_with("; Secure"));
}

TEST(NewVisitor, IsGivenNoMoreCookiesThanFit) {
  NewVisitor visitor;
  for (const char* const name : {"a", "b", "c", "d", "e"}) visitor.give(name);
  EXPECT_EQ(visitor.cookies().size(), 4U);
}

}  // namespace
}  // namespace edge::new_visitor_test
