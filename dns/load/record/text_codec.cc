#include "dns/load/record/text_codec.h"

#include <array>

#include "shared/core/ascii.h"

namespace dns {

namespace {

constexpr std::uint8_t kNoDigit = 0xFF;

using Digits = std::array<std::uint8_t, 256>;

constexpr Digits digits_of(std::string_view alphabet, std::string_view other_case) {
  Digits table{};
  for (auto& value : table) value = kNoDigit;
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
    table[static_cast<std::uint8_t>(other_case[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}

constexpr Digits kHex = digits_of(shared::kHexDigits, shared::kUpperHexDigits);
constexpr Digits kBase32Hex = digits_of("0123456789abcdefghijklmnopqrstuv", "0123456789ABCDEFGHIJKLMNOPQRSTUV");
constexpr std::string_view kBase64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr Digits kBase64 = digits_of(kBase64Alphabet, kBase64Alphabet);

// Digits of `bits` each; what is left over at the end must be less than one digit, and zero.
std::optional<Octets> decode_digits(std::string_view text, const Digits& digits, unsigned bits) {
  Octets out;
  out.reserve(text.size() * bits / 8);
  std::uint32_t held = 0;
  unsigned count = 0;  // of bits held
  for (const char c : text) {
    const std::uint8_t value = digits[static_cast<std::uint8_t>(c)];
    if (value == kNoDigit) return std::nullopt;
    held = held << bits | value;
    count += bits;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<std::uint8_t>(held >> count));
    held &= (1U << count) - 1;
  }
  if (count >= bits || held != 0) return std::nullopt;
  return out;
}

using shared::is_digit;

}  // namespace

std::optional<Octets> decode_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  return decode_digits(text, kHex, 4);
}

std::optional<Octets> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (unsigned padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  return decode_digits(text, kBase64, 6);
}

std::optional<Octets> decode_base32hex(std::string_view text) { return decode_digits(text, kBase32Hex, 5); }

std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    if (!is_digit(text[i])) {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || !is_digit(text[i + 1]) || !is_digit(text[i + 2])) return std::nullopt;
    const int value = (text[i] - '0') * 100 + (text[i + 1] - '0') * 10 + (text[i + 2] - '0');
    if (value > 255) return std::nullopt;
    out += static_cast<char>(value);
    i += 2;
  }
  return out;
}

}  // namespace dns
