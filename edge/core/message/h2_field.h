#pragma once
// What a field of HTTP/2 may be made of, for heads that go on as HTTP/1's: no line's end gets through (RFC 9113 8.2.1).
// Pure functions, any thread.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "shared/http/fields.h"

namespace edge {

[[nodiscard]] inline bool is_h2_name(std::string_view name) {
  return http::is_token(name) && std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
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
