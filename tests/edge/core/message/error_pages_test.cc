#include "edge/core/message/error_pages.h"

#include <gtest/gtest.h>

namespace edge::error_pages_test {
namespace {

TEST(ErrorPages, TheFirstWithTheStatusIsIt) {
  const ErrorPages pages({{404, 404, "text/html", nullptr}, {400, 499, "text/plain", nullptr}});
  ASSERT_NE(pages.find(404), nullptr);
  EXPECT_EQ(pages.find(404)->content_type, "text/html");
  EXPECT_EQ(pages.find(403)->content_type, "text/plain");
  EXPECT_EQ(pages.find(500), nullptr);
  EXPECT_TRUE(ErrorPages().empty());
}

}  // namespace
}  // namespace edge::error_pages_test
