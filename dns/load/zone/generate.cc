#include "dns/load/zone/generate.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "shared/core/ascii.h"

namespace dns {

using shared::fail;
using shared::Result;

namespace {

constexpr std::uint32_t kMaxValue = 0x7FFFFFFF;
constexpr std::uint32_t kMaxWidth = 255;  // no name and no character-string is longer

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Modifier {
  std::int64_t offset = 0;
  std::uint32_t width = 0;
  char base = 'd';
};

// "offset", "offset,width" or "offset,width,base": what stands between the braces.
std::optional<Modifier> parse_modifier(std::string_view text) {
  Modifier modifier;
  const std::size_t first = text.find(',');
  std::string_view signed_offset = text.substr(0, first);
  if (signed_offset.starts_with('+') && !signed_offset.starts_with("+-")) signed_offset.remove_prefix(1);
  const auto offset = parse_number<std::int32_t>(signed_offset);
  if (!offset) return std::nullopt;
  modifier.offset = *offset;
  if (first == std::string_view::npos) return modifier;

  text.remove_prefix(first + 1);
  const std::size_t second = text.find(',');
  const auto width = parse_number<std::uint32_t>(text.substr(0, second));
  if (!width || *width > kMaxWidth) return std::nullopt;
  modifier.width = *width;
  if (second == std::string_view::npos) return modifier;

  text.remove_prefix(second + 1);
  if (text.size() != 1 || std::string_view("doxXnN").find(text[0]) == std::string_view::npos) return std::nullopt;
  modifier.base = text[0];
  return modifier;
}

// The width counts every character of the result, dots included.
std::string reversed_nibbles(std::uint32_t value, const Modifier& modifier) {
  const std::string_view digits = modifier.base == 'n' ? shared::kHexDigits : shared::kUpperHexDigits;
  std::string out;
  do {
    if (!out.empty()) out += '.';
    out += digits[value & 15];
    value >>= 4;
  } while (value != 0 || out.size() + 1 < modifier.width);
  return out;
}

// As printf() does: a value below zero has its sign in base 10, and is 32 bits of two's complement in the others.
std::string print_value(std::int32_t value, const Modifier& modifier) {
  const auto bits = static_cast<std::uint32_t>(value);
  if (modifier.base == 'n' || modifier.base == 'N') return reversed_nibbles(bits, modifier);
  const bool negative = modifier.base == 'd' && value < 0;
  const int base = modifier.base == 'd' ? 10 : modifier.base == 'o' ? 8 : 16;
  std::array<char, 32> digits{};
  char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), negative ? 0 - bits : bits, base).ptr;
  std::string out(digits.data(), end);
  if (modifier.base == 'X') {
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  }
  const std::size_t width = modifier.width - (negative && modifier.width > 0 ? 1U : 0U);
  if (out.size() < width) out.insert(0, width - out.size(), '0');
  return negative ? "-" + out : out;
}

}  // namespace

Result<GenerateRange> parse_generate_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const std::size_t slash = text.find('/');
  const std::string quoted = "'" + std::string(text) + "'";
  if (dash == std::string_view::npos) return fail("a range is first-last or first-last/step, not " + quoted);
  const auto first = parse_number<std::uint32_t>(text.substr(0, dash));
  const auto last = parse_number<std::uint32_t>(
      text.substr(dash + 1, slash == std::string_view::npos ? std::string_view::npos : slash - dash - 1));
  const auto step =
      slash == std::string_view::npos ? std::uint32_t{1} : parse_number<std::uint32_t>(text.substr(slash + 1));
  if (!first || !last || !step) return fail("a range is first-last or first-last/step, not " + quoted);
  if (*first > *last || *last > kMaxValue || *step == 0) {
    return fail("the range " + quoted + " is empty, or its end is above 2147483647");
  }
  return GenerateRange{*first, *last, *step};
}

Result<std::string> expand_generate(std::string_view pattern, std::uint32_t value) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      out += pattern[i++];  // an escape stays for the reader of names and texts, which turns \$ into $
      out += pattern[i];
    } else if (pattern[i] != '$') {
      out += pattern[i];
    } else if (i + 1 < pattern.size() && pattern[i + 1] == '$') {
      out += pattern[i++];
    } else if (i + 1 < pattern.size() && pattern[i + 1] == '{') {
      const std::size_t close = pattern.find('}', i);
      if (close == std::string_view::npos) return fail("'${' without its '}'");
      const std::string_view inside = pattern.substr(i + 2, close - i - 2);
      const auto modifier = parse_modifier(inside);
      if (!modifier)
        return fail("'${" + std::string(inside) + "}' is not ${offset,width,base}, base one of d o x X n N");
      const std::int64_t sum = value + modifier->offset;
      if (sum > kMaxValue) return fail("the value with its offset is above 2147483647");
      out += print_value(static_cast<std::int32_t>(sum), *modifier);
      i = close;
    } else {
      out += std::to_string(value);
    }
  }
  return out;
}

}  // namespace dns
