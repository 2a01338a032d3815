#include "dns/load/record/text_codec.h"

#include <gtest/gtest.h>

namespace dns::text_codec_test {
namespace {

TEST(TextCodec, ReadsHex) {
  EXPECT_EQ(decode_hex("00fFa0"), (Octets{0, 255, 160}));
  EXPECT_EQ(decode_hex(""), Octets{});
  for (const char* text : {"0", "0g", "0 ", "0x00"}) EXPECT_FALSE(decode_hex(text)) << text;
}

TEST(TextCodec, ReadsBase64WithItsPadding) {
  EXPECT_EQ(decode_base64("Zm9v"), (Octets{'f', 'o', 'o'}));
  EXPECT_EQ(decode_base64("Zm8="), (Octets{'f', 'o'}));
  EXPECT_EQ(decode_base64("Zg=="), (Octets{'f'}));
  for (const char* text : {"Zm8", "Zm9=", "Zg=", "Zg==Zg==", "Z-==", "===="}) EXPECT_FALSE(decode_base64(text)) << text;
}

TEST(TextCodec, ReadsBase32hexWithoutPadding) {
  EXPECT_EQ(decode_base32hex("CPNMU"), (Octets{'f', 'o', 'o'}));
  EXPECT_EQ(decode_base32hex("cpnmu"), decode_base32hex("CPNMU"));
  for (const char* text : {"CPNMU===", "W0", "1"}) EXPECT_FALSE(decode_base32hex(text)) << text;
}

TEST(TextCodec, ReadsEscapes) {
  EXPECT_EQ(unescape(R"(a\\b\"\065\255)"), std::string("a\\b\"A\xFF"));
  for (const char* text : {"\\", "\\256", "\\25", "\\0"}) EXPECT_FALSE(unescape(text)) << text;
}

}  // namespace
}  // namespace dns::text_codec_test
