#pragma once
// write_hex(): a number as hexadecimal digits, all of them at once: ids are written with each request. Pure, any
// thread.

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace shared {

inline constexpr std::size_t kHexWord = 16;

// kHexWord digits of `word` to `at`, those of the lowest bits first: for ids, of which nobody asks for their number.
inline void write_hex(char* at, std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  for (int half = 0; half < 2; ++half, word >>= 32, at += sizeof word) {
    // Four bits to each octet, then what is between the digits and the letters for those that are letters.
    std::uint64_t spread = word & 0xFFFFFFFF;
    spread = (spread | spread << 16) & 0x0000FFFF0000FFFFULL;
    spread = (spread | spread << 8) & 0x00FF00FF00FF00FFULL;
    spread = (spread | spread << 4) & 0x0F0F0F0F0F0F0F0FULL;
    const std::uint64_t letters = ((spread + kOnes * 6) >> 4) & kOnes;
    const std::uint64_t digits = spread + kOnes * '0' + letters * ('a' - '0' - 10);
    std::memcpy(at, &digits, sizeof digits);
  }
}

}  // namespace shared
