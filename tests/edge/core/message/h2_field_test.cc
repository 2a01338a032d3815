#include "edge/core/message/h2_field.h"

#include <string>

#include <gtest/gtest.h>

#include "shared/http/fields.h"

namespace edge::h2_field_test {
namespace {

TEST(H2Field, NamesAreTokensInLowerCase) {
  EXPECT_TRUE(is_h2_name("x-request-id"));
  EXPECT_FALSE(is_h2_name("X-Request-Id"));
  EXPECT_FALSE(is_h2_name("a b"));
  EXPECT_FALSE(is_h2_name(""));
}

TEST(H2Field, EachOctetOfANameCounts) {
  for (int octet = 0; octet < 256; ++octet) {
    const std::string name{'a', static_cast<char>(octet)};
    EXPECT_EQ(is_h2_name(name), http::is_token(name) && (octet < 'A' || octet > 'Z')) << octet;
  }
}

TEST(H2Field, WhatIsNotVisibleIsFoundWhereverItStands) {
  EXPECT_TRUE(is_visible(""));
  for (std::size_t size = 1; size < 20; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int octet = 0; octet < 256; ++octet) {
        for (const char others : {'!', '~', 'a'}) {
          std::string text(size, others);
          text[at] = static_cast<char>(octet);
          ASSERT_EQ(is_visible(text), octet > 0x20 && octet < 0x7F) << octet << " at " << at << " of " << size;
        }
      }
    }
  }
}

TEST(H2Field, ValuesHoldNoControlButATab) {
  EXPECT_TRUE(is_h2_value("a\tb \xc3\xa4"));
  EXPECT_TRUE(is_h2_value(""));
  EXPECT_FALSE(is_h2_value("a\rb"));
  EXPECT_FALSE(is_h2_value("a\nb"));
  EXPECT_FALSE(is_h2_value(std::string(1, '\0')));
  EXPECT_FALSE(is_h2_value("\x7f"));
}

TEST(H2Field, AControlIsFoundWhereverItStands) {
  for (std::size_t size = 1; size < 20; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int octet = 0; octet < 256; ++octet) {
        std::string value(size, '\xA0');
        value[at] = static_cast<char>(octet);
        const bool good = (octet >= 0x20 && octet != 0x7F) || octet == '\t';
        ASSERT_EQ(is_h2_value(value), good) << octet << " at " << at << " of " << size;
      }
    }
  }
}

}  // namespace
}  // namespace edge::h2_field_test
