#pragma once
// What a field of HTTP/2 may be made of, for heads that go on as HTTP/1's: no line's end gets through (RFC 9113 8.2.1).
// Pure functions, any thread.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace edge {

constexpr std::array<bool, 256> make_h2_name_octets() {
  std::array<bool, 256> octets{};
  for (std::size_t c = '0'; c <= '9'; ++c) octets[c] = true;
  for (std::size_t c = 'a'; c <= 'z'; ++c) octets[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) octets[static_cast<unsigned char>(c)] = true;
  return octets;
}
inline constexpr std::array<bool, 256> kH2NameOctets = make_h2_name_octets();

// A token without capitals.
[[nodiscard]] inline bool is_h2_name(std::string_view name) {
  for (const char c : name) {
    if (!kH2NameOctets[static_cast<unsigned char>(c)]) return false;
  }
  return !name.empty();
}

// As HTTP/1's request line has it (RFC 9112 3.2): no space, no control octet, nothing over 0x7E.
[[nodiscard]] inline bool is_visible(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  constexpr std::uint64_t kHighs = 0x8080808080808080ULL;
  while (text.size() >= 8) {  // each octet below 0x80, at least 0x21, and one more does not make it 0x80
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    if ((word | (word + kOnes) | ~(word + kOnes * (0x80 - 0x21))) & kHighs) break;
    text.remove_prefix(8);
  }
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

[[nodiscard]] inline bool is_h2_value(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  constexpr std::uint64_t kHighs = 0x8080808080808080ULL;
  while (text.size() >= 8) {  // as long as no octet of eight can be a control
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    const std::uint64_t del = word ^ (kOnes * 0x7F);
    if ((((del - kOnes) & ~del) | ((word - kOnes * 0x20) & ~word)) & kHighs) break;
    text.remove_prefix(8);
  }
  return std::ranges::all_of(text, [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return (octet >= 0x20 && octet != 0x7F) || c == '\t';
  });
}

// Malformed, too.
[[nodiscard]] inline bool has_blank_end(std::string_view value) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  return !value.empty() && (is_blank(value.front()) || is_blank(value.back()));
}

}  // namespace edge
