#pragma once
// The ways in which zone files write octets: hexadecimal, base64, base32hex (RFC 4648) and character-strings with
// escapes (RFC 1035 section 5.1). Strict: what is not exactly of the form is nothing. Pure functions, any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dns {

using Octets = std::vector<std::uint8_t>;

// An even number of digits of either case; empty for no digits.
[[nodiscard]] std::optional<Octets> decode_hex(std::string_view text);
// With its padding; bits that the padding leaves over are zero.
[[nodiscard]] std::optional<Octets> decode_base64(std::string_view text);
// Without padding, either case (RFC 5155 section 3.3).
[[nodiscard]] std::optional<Octets> decode_base32hex(std::string_view text);

// \DDD up to 255 and \X replaced by their octets; nothing if an escape is broken.
[[nodiscard]] std::optional<std::string> unescape(std::string_view text);

}  // namespace dns
