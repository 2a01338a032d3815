#include "shared/core/hex_text.h"

#include <gtest/gtest.h>

#include <array>
#include <string_view>

namespace shared::hex_text_test {
namespace {

TEST(HexText, EachDigitAtEachPlace) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, kHexWord> text;
  for (unsigned place = 0; place < kHexWord; ++place) {
    for (std::uint64_t digit = 0; digit < 16; ++digit) {
      for (const std::uint64_t others : {std::uint64_t{0}, ~std::uint64_t{0}}) {
        write_hex(text.data(), (others & ~(std::uint64_t{15} << (4 * place))) | digit << (4 * place));
        for (unsigned i = 0; i < kHexWord; ++i) {
          ASSERT_EQ(text[i], kDigits[i == place ? digit : others & 15]) << place << " " << digit << " " << i;
        }
      }
    }
  }
}

}  // namespace
}  // namespace shared::hex_text_test
