#include "edge/core/content/listing.h"

#include <gtest/gtest.h>

#include <string>

namespace edge::listing_test {
namespace {

TEST(Listing, ShowsDirectoriesFirstAndNamesInOrder) {
  const std::string page =
      listing_page("/a/", {{"b.txt", false, 12, 784111777}, {"z", true, 4096, 0}, {"a.txt", false, 3, 0}});
  const std::size_t z = page.find("<a href=\"./z/\">z/</a></td><td></td>");
  const std::size_t a = page.find("<a href=\"./a.txt\">a.txt</a></td><td>3</td>");
  const std::size_t b =
      page.find("<a href=\"./b.txt\">b.txt</a></td><td>12</td><td>Sun, 06 Nov 1994 08:49:37 GMT</td>");
  ASSERT_NE(b, std::string::npos) << page;
  EXPECT_TRUE(z < a && a < b);
  EXPECT_NE(page.find("<a href=\"../\">"), std::string::npos);
  EXPECT_EQ(listing_page("/", {}).find("<a "), std::string::npos) << "nothing is above the root";
}

TEST(Listing, LetsNoNameBecomeMarkupOrALink) {
  const std::string page = listing_page(
      "/<script>/", {{"<b>\"&'.txt", false, 1, 0}, {"javascript:x", false, 1, 0}, {"a\nb%\xff", false, 1, 0}});
  EXPECT_EQ(page.find("<script>"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_NE(page.find("./%3Cb%3E%22%26%27.txt\">&lt;b&gt;&quot;&amp;'.txt<"), std::string::npos) << page;
  EXPECT_NE(page.find("\"./javascript%3Ax\""), std::string::npos);
  EXPECT_NE(page.find("\"./a%0Ab%25%FF\">a?b%\xff<"), std::string::npos);
}

}  // namespace
}  // namespace edge::listing_test
