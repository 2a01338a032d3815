#include "dns/load/zone/generate.h"

#include <gtest/gtest.h>

namespace dns::generate_test {
namespace {

std::string expand(std::string_view pattern, std::uint32_t value) {
  const auto text = expand_generate(pattern, value);
  return text ? *text : "error: " + text.error().message;
}

TEST(Generate, ReadsRanges) {
  const auto range = parse_generate_range("1-254");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->count(), 254U);
  EXPECT_EQ(parse_generate_range("0-9/4")->count(), 3U);
  EXPECT_EQ(parse_generate_range("7-7")->count(), 1U);
}

TEST(Generate, RefusesRangesThatAreNone) {
  for (const char* text : {"", "1", "-", "1-", "-1", "2-1", "1-2/0", "1-2/", "a-b", "0-2147483648", "1-2-3", " 1-2"}) {
    EXPECT_FALSE(parse_generate_range(text)) << text;
  }
}

TEST(Generate, ReplacesTheValue) {
  EXPECT_EQ(expand("host-$.x$", 7), "host-7.x7");
  EXPECT_EQ(expand("a\\$b", 7), "a\\$b");
  EXPECT_EQ(expand("plain", 7), "plain");
  EXPECT_EQ(expand("a$$", 7), "a$");
  EXPECT_EQ(expand("a$$$", 7), "a$7");
}

TEST(Generate, AppliesModifiers) {
  EXPECT_EQ(expand("${0}", 12), "12");
  EXPECT_EQ(expand("${-2}", 12), "10");
  EXPECT_EQ(expand("${0,4}", 12), "0012");
  EXPECT_EQ(expand("${1000,6,x}", 12), "0003f4");
  EXPECT_EQ(expand("${0,0,X}", 255), "FF");
  EXPECT_EQ(expand("${0,3,o}", 8), "010");
  EXPECT_EQ(expand("${0,5,n}", 0x12), "2.1.0");
  EXPECT_EQ(expand("${0,0,N}", 0xAB), "B.A");
  EXPECT_EQ(expand("${+5}", 2), "7");
  EXPECT_EQ(expand("${+5,3,n}", 1), "6.0");
}

// As BIND's printf() does it, which is where such files come from.
TEST(Generate, GoesBelowZero) {
  EXPECT_EQ(expand("${-5}", 1), "-4");
  EXPECT_EQ(expand("${-5,4,d}", 1), "-004");
  EXPECT_EQ(expand("${-5,4,x}", 1), "fffffffc");
  EXPECT_EQ(expand("${-5,4,o}", 1), "37777777774");
  EXPECT_EQ(expand("${-5,3,n}", 1), "c.f.f.f.f.f.f.f");
}

TEST(Generate, RefusesWhatIsNoModifier) {
  for (const char* text :
       {"${", "${}", "${a}", "${0,}", "${0,256}", "${0,1,z}", "${0,1,d,}", "${0,-1}", "${+}", "${+-1}", "${++1}"}) {
    EXPECT_FALSE(expand_generate(text, 1)) << text;
  }
  EXPECT_FALSE(expand_generate("${1}", 2147483647));
}

}  // namespace
}  // namespace dns::generate_test
