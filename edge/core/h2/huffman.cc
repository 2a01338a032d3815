#include "edge/core/h2/huffman.h"

#include <array>

namespace edge::h2 {
namespace {

constexpr std::size_t kSymbols = 257;  // all octets, and EOS
constexpr unsigned kEos = 256;
constexpr unsigned kLongest = 30;
constexpr unsigned kFast = 10;  // bits that one look-up takes

// Bits of each symbol's code. The code is canonical: of one length in the order of symbols, shorter ones first; so
// these say all of appendix B.
constexpr std::array<std::uint8_t, kSymbols> kBits{13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,  //
                                                   28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,  //
                                                   6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,   //
                                                   5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10,  //
                                                   13, 6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,   //
                                                   7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,   //
                                                   15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,   //
                                                   6,  7,  6,  5,  5,  6,  7,  7,  7,  7,  7,  15, 11, 14, 13, 28,  //
                                                   20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,  //
                                                   24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,  //
                                                   22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,  //
                                                   21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,  //
                                                   26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,  //
                                                   19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,  //
                                                   20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,  //
                                                   26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,  //
                                                   30};

struct Code {
  // By symbol.
  std::array<std::uint32_t, kSymbols> codes{};
  // By length: the first code, left-aligned in 32 bits, behind those of that length; and where the symbols of that
  // length begin in `symbols`, less the first code's number.
  std::array<std::uint64_t, kLongest + 1> ends{};
  std::array<std::int32_t, kLongest + 1> bases{};
  std::array<std::uint16_t, kSymbols> symbols{};  // in the order of their codes
  // By the next kFast bits: symbol << 4 | bits of its code; 0: it is longer.
  std::array<std::uint16_t, 1U << kFast> fast{};
};

constexpr Code make_code() {
  Code made;
  std::uint32_t code = 0;
  std::uint16_t count = 0;
  for (unsigned bits = 1; bits <= kLongest; ++bits) {
    code <<= 1;
    made.bases[bits] = static_cast<std::int32_t>(count) - static_cast<std::int32_t>(code);
    for (unsigned symbol = 0; symbol < kSymbols; ++symbol) {
      if (kBits[symbol] != bits) continue;
      made.codes[symbol] = code;
      made.symbols[count++] = static_cast<std::uint16_t>(symbol);
      if (bits <= kFast) {
        for (std::uint32_t i = code << (kFast - bits); i < (code + 1) << (kFast - bits); ++i)
          made.fast[i] = static_cast<std::uint16_t>(symbol << 4 | bits);
      }
      ++code;
    }
    made.ends[bits] = static_cast<std::uint64_t>(code) << (32 - bits);
  }
  return made;
}

constexpr Code kCode = make_code();
static_assert(kCode.ends[kLongest] == std::uint64_t{1} << 32, "the code is whole");
static_assert(kCode.codes[kEos] == 0x3FFFFFFF && kCode.codes['a'] == 0x3 && kCode.codes['|'] == 0x7FC);

struct Symbol {
  unsigned symbol;
  unsigned bits;
};

// The code that `next`, of 32 bits, begins with.
Symbol slow_symbol(std::uint32_t next) {
  unsigned bits = kFast + 1;
  while (next >= kCode.ends[bits]) ++bits;
  const auto code = static_cast<std::int32_t>(next >> (32 - bits));
  return {.symbol = kCode.symbols[static_cast<std::size_t>(code + kCode.bases[bits])], .bits = bits};
}

}  // namespace

std::optional<std::size_t> huffman_decode(std::string_view encoded, char* out) {
  const char* const begin = out;
  const auto* at = reinterpret_cast<const std::uint8_t*>(encoded.data());
  const auto* const end = at + encoded.size();
  std::uint64_t window = 0;  // its uppermost `have` bits are next
  unsigned have = 0;
  while (true) {
    while (have <= 56 && at != end) {
      window |= static_cast<std::uint64_t>(*at++) << (56 - have);
      have += 8;
    }
    const unsigned found = kCode.fast[window >> (64 - kFast)];
    Symbol next{.symbol = found >> 4, .bits = found & 15};
    if (found == 0) next = slow_symbol(static_cast<std::uint32_t>(window >> 32));
    if (next.bits > have) break;
    if (next.symbol == kEos) return std::nullopt;
    *out++ = static_cast<char>(next.symbol);
    window <<= next.bits;
    have -= next.bits;
  }
  // Fewer than eight bits, all of them set.
  if (have >= 8) return std::nullopt;
  const std::uint64_t padding = have == 0 ? 0 : ~std::uint64_t{0} << (64 - have);
  if (window != padding) return std::nullopt;
  return static_cast<std::size_t>(out - begin);
}

std::size_t huffman_size(std::string_view text) {
  std::size_t bits = 0;
  for (const char c : text) bits += kBits[static_cast<std::uint8_t>(c)];
  return (bits + 7) / 8;
}

void huffman_encode(std::string_view text, char* out) {
  std::uint64_t window = 0;  // its lowest `have` bits wait
  unsigned have = 0;
  for (const char c : text) {
    const auto symbol = static_cast<std::uint8_t>(c);
    window = window << kBits[symbol] | kCode.codes[symbol];
    have += kBits[symbol];
    while (have >= 8) {
      have -= 8;
      *out++ = static_cast<char>(window >> have);
    }
  }
  if (have > 0) *out = static_cast<char>(window << (8 - have) | 0xFFU >> have);
}

}  // namespace edge::h2
