#include "shared/http/origin_form.h"

#include "shared/core/ascii.h"

namespace http {
namespace {

enum class Part { path, query };

// RFC 3986 3.3 and 3.4, and the brackets that names of addresses have.
bool is_allowed(char c, Part part) {
  if (shared::is_alphanumeric(c) || std::string_view("-._~!$&'()*+,;=:@/").find(c) != std::string_view::npos)
    return true;
  return part == Part::query && (c == '?' || c == '[' || c == ']');
}

// Nothing: see parse_origin_form.
std::optional<std::string> decoded(std::string_view text, Part part) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = shared::hex_digit(text[i + 1]);
      const int low = shared::hex_digit(text[i + 2]);
      if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else if (is_allowed(text[i], part)) {
      out += part == Part::query && text[i] == '+' ? ' ' : text[i];
    } else {
      return std::nullopt;
    }
  }
  return out;
}

// What the reader of a query could take for something else is escaped; the rest stays legible.
std::string escaped(std::string_view text, Part part) {
  constexpr std::string_view kPlain = "-._~:/";
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (shared::is_alphanumeric(c) || kPlain.find(c) != std::string_view::npos || (part == Part::path && c == '@')) {
      out += c;
    } else {
      out += {'%', shared::kUpperHexDigits[octet >> 4], shared::kUpperHexDigits[octet & 15]};
    }
  }
  return out;
}

}  // namespace

std::optional<OriginForm> parse_origin_form(std::string_view target) {
  if (!target.starts_with('/')) return std::nullopt;
  const std::size_t mark = target.find('?');
  const auto path = decoded(target.substr(0, mark), Part::path);
  if (!path) return std::nullopt;
  OriginForm out{*path, {}};
  std::string_view rest = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const auto name = decoded(pair.substr(0, equals), Part::query);
    const auto value =
        decoded(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), Part::query);
    if (!name || !value) return std::nullopt;
    out.query.emplace_back(*name, *value);
  }
  return out;
}

std::string write_origin_form(const OriginForm& target) {
  std::string out = escaped(target.path, Part::path);
  char separator = '?';
  for (const auto& [name, value] : target.query) {
    out += separator + escaped(name, Part::query) + '=' + escaped(value, Part::query);
    separator = '&';
  }
  return out;
}

}  // namespace http
