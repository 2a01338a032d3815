#include "edge/serve/account/request_ids.h"

#include <bit>
#include <cstring>

namespace edge {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101ULL;

// Eight digits for 32 bits, all at once: four bits to each octet, then six more for those that are letters.
void write_digits(char* at, std::uint32_t bits) {
  std::uint64_t spread = bits;
  spread = (spread | spread << 16) & 0x0000FFFF0000FFFFULL;
  spread = (spread | spread << 8) & 0x00FF00FF00FF00FFULL;
  spread = (spread | spread << 4) & 0x0F0F0F0F0F0F0F0FULL;
  const std::uint64_t letters = ((spread + kOnes * 6) >> 4) & kOnes;
  const std::uint64_t digits = spread + kOnes * '0' + letters * ('a' - '0' - 10);
  std::memcpy(at, &digits, sizeof digits);
}

void write_word(char* at, std::uint64_t word) {
  write_digits(at, static_cast<std::uint32_t>(word));
  write_digits(at + 8, static_cast<std::uint32_t>(word >> 32));
}

}  // namespace

std::string_view RequestIds::fresh() {
  const auto number = std::bit_cast<std::array<std::uint8_t, 8>>(++count_);
  write_word(text_.data(), shared::siphash_2_4(keys_[0], number));
  write_word(text_.data() + kSize / 2, shared::siphash_2_4(keys_[1], number));
  return {text_.data(), kSize};
}

}  // namespace edge
