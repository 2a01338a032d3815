#include "shared/core/ascii.h"

#include <gtest/gtest.h>

namespace shared::ascii_test {
namespace {

TEST(Ascii, OnlyLettersOfAsciiHaveACase) {
  for (int c = 0; c < 256; ++c) {
    const bool upper = c >= 'A' && c <= 'Z';
    EXPECT_EQ(static_cast<unsigned char>(lower(static_cast<char>(c))), upper ? c + 32 : c);
  }
  EXPECT_EQ(lower("Straße-Ä1"), "straße-Ä1");
  EXPECT_TRUE(equals_ignoring_case("Content-LENGTH", "content-length"));
  EXPECT_FALSE(equals_ignoring_case("Ä", "ä"));
  EXPECT_FALSE(equals_ignoring_case("[", "{"));
  EXPECT_FALSE(equals_ignoring_case("a", "ab"));
  EXPECT_TRUE(equals_ignoring_case("", ""));
}

TEST(Ascii, DigitsAndBlanks) {
  EXPECT_EQ(hex_digit('0'), 0);
  EXPECT_EQ(hex_digit('9'), 9);
  EXPECT_EQ(hex_digit('a'), 10);
  EXPECT_EQ(hex_digit('F'), 15);
  for (const char c : {'g', 'G', '/', ':', '@', '`', ' ', '\0'}) EXPECT_EQ(hex_digit(c), -1) << c;
  EXPECT_EQ(trim(" \ta b\t "), "a b");
  EXPECT_EQ(trim(" \t"), "");
  EXPECT_EQ(trim("\r\n"), "\r\n");
}

}  // namespace
}  // namespace shared::ascii_test
