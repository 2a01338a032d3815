#include "dns/load/config/cookie_file.h"

#include <algorithm>
#include <memory>

#include "shared/core/ascii.h"
#include "shared/load/file.h"

namespace dns {

using shared::load::Diagnostics;
using shared::load::Position;

namespace {

constexpr std::size_t kMaxFile = 4096;  // octets: two secrets and comments
constexpr std::size_t kDigits = 32;
constexpr std::string_view kForm = "a secret is 32 hexadecimal digits, `openssl rand -hex 16` makes one";

std::optional<shared::SipKey> parse_secret(std::string_view text) {
  if (text.size() != kDigits) return std::nullopt;
  shared::SipKey key;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const int high = shared::hex_digit(text[2 * i]);
    const int low = shared::hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    key[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return key;
}

// Without its comment and the blanks around it.
std::string_view bare(std::string_view line) {
  line = line.substr(0, line.find('#'));
  const auto first = line.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

std::optional<CookieSecrets> read_cookie_secrets(std::string_view text, const std::string& name,
                                                 Diagnostics& diagnostics) {
  const auto file = std::make_shared<const std::string>(name);
  const std::size_t errors = diagnostics.errors();
  CookieSecrets secrets;
  for (std::uint32_t number = 1; !text.empty(); ++number) {
    const std::string_view line = bare(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.size(), text.find('\n')));
    if (!text.empty()) text.remove_prefix(1);
    if (line.empty()) continue;
    const auto key = parse_secret(line);
    const Position at{file, number, 1};
    if (!key) {  // what stands there is not told: it may be a secret all the same
      diagnostics.error(at, "not a cookie secret: " + std::string(kForm));
    } else if (secrets.count == secrets.keys.size()) {
      diagnostics.error(at, "a third cookie secret: one that makes cookies and one that is still or already good");
    } else {
      secrets.keys[secrets.count++] = *key;
    }
  }
  if (diagnostics.errors() > errors) return std::nullopt;
  if (secrets.count > 0) return secrets;
  diagnostics.error({file, 0, 0}, "no cookie secret: " + std::string(kForm));
  return std::nullopt;
}

std::optional<CookieSecrets> load_cookie_secrets(const std::filesystem::path& path, const Position& at,
                                                 Diagnostics& diagnostics) {
  const auto text = shared::load::read_file(path, {.largest = kMaxFile});
  if (!text) {
    diagnostics.error(at, "secrets: cannot read " + path.string() + ": " + text.error().message);
    return std::nullopt;
  }
  if (shared::load::is_open_to_all(path)) {
    diagnostics.warning(at, "secrets: everybody can read " + path.string() + ": chmod o-rwx");
  }
  return read_cookie_secrets(*text, path.string(), diagnostics);
}

}  // namespace dns
