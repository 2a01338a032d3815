#include "cli/yaml_text.h"

#include <algorithm>
#include <array>

#include "shared/core/ascii.h"

namespace cli {
namespace {

// What YAML 1.1 takes for something else than text (null, bool): most of them is somebody's region, too.
constexpr std::array<std::string_view, 9> kNotText{"null", "true", "false", "yes", "no", "on", "off", "y", "n"};

bool is_plain(std::string_view text) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || shared::is_digit(c) || c == '-' || c == '.'; };
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' && std::ranges::all_of(text, plain) &&
         std::ranges::find(kNotText, text) == kNotText.end();
}

}  // namespace

// YAML 1.2 5.7: what ends a double-quoted text, or cannot stand in one, is escaped. \x names a character and no octet:
// those of UTF-8 pass.
std::string yaml_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < ' ' || octet == 0x7f) {
      out += {'\\', 'x', shared::kHexDigits[octet >> 4U], shared::kHexDigits[octet & 15U]};
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

std::string yaml_word(std::string_view text) { return is_plain(text) ? std::string(text) : yaml_quoted(text); }

}  // namespace cli
