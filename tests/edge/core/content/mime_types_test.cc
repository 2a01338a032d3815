#include "edge/core/content/mime_types.h"

#include <gtest/gtest.h>

#include <string>

namespace edge::mime_types_test {
namespace {

TEST(MimeTypes, TheSmallTableKnowsTheWeb) {
  const MimeTypes types;
  EXPECT_EQ(types.of("index.html"), "text/html; charset=utf-8");
  EXPECT_EQ(types.of("a/b.CSS"), "text/css; charset=utf-8");
  EXPECT_EQ(types.of("app.min.js"), "text/javascript; charset=utf-8");
  EXPECT_EQ(types.of("x.wasm"), "application/wasm");
  EXPECT_EQ(types.of("x.woff2"), "font/woff2");
}

TEST(MimeTypes, WhatIsNotKnownIsSaidToBeOctets) {
  const MimeTypes types;
  for (const char* const name : {"", "README", "a.b/README", ".html", "a.", "a.unknown", "x.html.unknown"})
    EXPECT_EQ(types.of(name), MimeTypes::kUnknown) << name;
  EXPECT_EQ(types.of("x." + std::string(100, 'a')), MimeTypes::kUnknown);
}

TEST(MimeTypes, TheSystemsTableWins) {
  const MimeTypes types(
      "# a comment\n"
      "text/x-mine\t\tmine  other # behind\r\n"
      "application/javascript js\n"
      "image/png\n"
      "nonsense nonsense\n"
      "a/b c\x01d\n"
      "text/special html");
  EXPECT_EQ(types.of("x.mine"), "text/x-mine; charset=utf-8");
  EXPECT_EQ(types.of("x.OTHER"), "text/x-mine; charset=utf-8");
  EXPECT_EQ(types.of("x.js"), "text/javascript; charset=utf-8") << "RFC 9239";
  EXPECT_EQ(types.of("x.html"), "text/special; charset=utf-8");
  EXPECT_EQ(types.of("x.nonsense"), MimeTypes::kUnknown);
  EXPECT_EQ(types.of("x.png"), "image/png") << "the small table stands behind it";
}

TEST(MimeTypes, TheEndingIsThatOfTheName) {
  EXPECT_EQ(ending_of_name("a.b/c.tar.gz"), "gz");
  EXPECT_EQ(ending_of_name("a.b/c"), "");
  EXPECT_EQ(ending_of_name(".profile"), "");
}

}  // namespace
}  // namespace edge::mime_types_test
