#pragma once
// What a field of HTTP/2 may be made of, for heads that go on as HTTP/1's: no line's end gets through (RFC 9113 8.2.1).
// Pure functions, any thread.

#include <algorithm>
#include <string_view>

#include "shared/http/fields.h"

namespace edge {

[[nodiscard]] inline bool is_h2_name(std::string_view name) {
  return http::is_token(name) && std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
}

[[nodiscard]] inline bool is_h2_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return (octet >= 0x20 && octet != 0x7F) || c == '\t';
  });
}

}  // namespace edge
