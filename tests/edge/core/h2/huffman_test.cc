#include "edge/core/h2/huffman.h"

#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace edge::h2::huffman_test {
namespace {

using namespace std::string_view_literals;

std::optional<std::string> decode(std::string_view encoded) {
  std::string out(huffman_decoded_bound(encoded.size()) + 1, '\0');
  const auto size = huffman_decode(encoded, out.data());
  if (!size) return std::nullopt;
  out.resize(*size);
  return out;
}

std::string encode(std::string_view text) {
  std::string out(huffman_size(text), '\0');
  huffman_encode(text, out.data());
  return out;
}

// RFC 7541 C.4 and C.6.
TEST(Huffman, IsThatOfTheRfc) {
  EXPECT_EQ(encode("www.example.com"), "\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff");
  EXPECT_EQ(encode("no-cache"), "\xa8\xeb\x10\x64\x9c\xbf");
  EXPECT_EQ(decode("\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf"), "custom-value");
  EXPECT_EQ(decode("\x9d\x29\xad\x17\x18\x63\xc7\x8f\x0b\x97\xc8\xe9\xae\x82\xae\x43\xd3"), "https://www.example.com");
}

TEST(Huffman, TakesEveryOctetBothWays) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (std::size_t begin = 0; begin < 256; begin += 7) {
    EXPECT_EQ(decode(encode(all.substr(begin))), all.substr(begin));
    EXPECT_EQ(decode(encode(all.substr(begin, 1))), all.substr(begin, 1));
  }
  EXPECT_EQ(decode(""), "");
  EXPECT_EQ(encode(""), "");
}

// 5.2
TEST(Huffman, PaddingIsOfOnesAndShorterThanAnOctet) {
  EXPECT_EQ(decode("\x1f"), "a");
  EXPECT_FALSE(decode("\x1f\xff"sv));
  EXPECT_FALSE(decode("\x18"sv));
  EXPECT_FALSE(decode("\xff"sv));
  EXPECT_FALSE(decode("\0"sv)) << "a 0, and three bits of the next";
}

TEST(Huffman, EosIsAnError) {
  EXPECT_FALSE(decode("\xff\xff\xff\xff"sv));
  EXPECT_FALSE(decode("\x1f\xff\xff\xff\xe3"sv));
}

}  // namespace
}  // namespace edge::h2::huffman_test
