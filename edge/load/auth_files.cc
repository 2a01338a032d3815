#include "edge/load/auth_files.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <openssl/evp.h>

#include "shared/core/ascii.h"
#include "shared/load/file.h"
#include "shared/load/reader.h"

namespace edge {
namespace {

using shared::load::Diagnostics;
using shared::load::Position;

constexpr std::size_t kMaxFile = 64 * 1024 * 1024;  // octets
constexpr std::size_t kMaxName = 128;

// Of nobody's password, at a cost that `htpasswd -B` chooses by itself.
constexpr std::string_view kStandIn = "$2y$10$abcdefghijklmnopqrstuuGkTZsqjMwZ4H6zXSgJ7Dp1Yd0Wmx1Wy";

// Goes into a field and the log.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7F && c != ':' && c != '"' && c != '\\'; });
}

std::string_view next_word(std::string_view& line) {
  line = shared::trim(line);
  const std::string_view word = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(word.size());
  return word;
}

// Calls `read(line, position)` for each line that says something.
template <class Read>
void each_line(std::string_view text, const std::string& name, Read read) {
  const auto file = std::make_shared<const std::string>(name);
  for (std::uint32_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = shared::trim(line);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.front() != '#') read(line, Position{file, number, 1});
  }
}

bool is_known_hash(std::string_view hash) {
  for (const std::string_view prefix : {"$2y$", "$2b$", "$2a$", "$5$", "$6$", "$y$"}) {
    if (hash.starts_with(prefix) && hash.size() > prefix.size() + 20) return true;
  }
  return false;
}

std::optional<KeyDigest> parse_digest(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  KeyDigest digest;
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + 2 * digest.size()) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const int high = shared::hex_digit(text[2 * i]);
    const int low = shared::hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return digest;
}

// Sorted, each once.
template <class T, class Projection>
void order(std::vector<T>& all, Projection by, const std::string& name, Diagnostics& diagnostics) {
  std::ranges::stable_sort(all, {}, by);
  const auto twin = std::ranges::adjacent_find(all, {}, by);
  if (twin == all.end()) return;
  diagnostics.error({std::make_shared<const std::string>(name), 0, 0}, "'" + twin->name + "' stands twice");
}

}  // namespace

PasswordUsers parse_passwords(std::string_view text, const std::string& name, Diagnostics& diagnostics) {
  PasswordUsers read;
  read.stand_in = kStandIn;
  each_line(text, name, [&](std::string_view line, const Position& at) {
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view user = line.substr(0, colon);
    const std::string_view hash = line.substr(std::min(colon + 1, line.size()));
    if (!is_name(user)) return diagnostics.error(at, "expected `NAME:HASH`, as `htpasswd -B` writes it");
    if (!is_known_hash(hash)) {
      return diagnostics.error(at, "the hash of '" + std::string(user) +
                                       "' is none of bcrypt, SHA-crypt and yescrypt: make it with `htpasswd -B`");
    }
    read.users.push_back({std::string(user), std::string(hash)});
  });
  order(read.users, &PasswordUsers::User::name, name, diagnostics);
  return read;
}

HashedKeys parse_hashed_keys(std::string_view text, const std::string& name, const Tiers& tiers,
                             Diagnostics& diagnostics) {
  HashedKeys read;
  read.digest = sha256;
  each_line(text, name, [&](std::string_view line, const Position& at) {
    const auto digest = parse_digest(next_word(line));
    const std::string_view owner = next_word(line);
    const std::string_view tier = next_word(line);
    if (!digest || !is_name(owner) || !shared::trim(line).empty()) {
      return diagnostics.error(at, "expected `sha256:DIGEST NAME` and perhaps a tier; `printf %s KEY | sha256sum`");
    }
    const std::optional<TierId> id = tier.empty() ? std::nullopt : tiers.find(tier);
    if (!tier.empty() && !id) return diagnostics.error(at, "unknown tier '" + std::string(tier) + "'");
    read.keys.push_back({*digest, std::string(owner), id});
  });
  order(read.keys, &HashedKeys::Key::digest, name, diagnostics);
  return read;
}

std::string read_secrets(const std::filesystem::path& path, const Position& at, Diagnostics& diagnostics) {
  auto text = shared::load::read_file(path, {.largest = kMaxFile});
  if (!text) {
    diagnostics.error(at, "cannot read " + path.string() + ": " + text.error().message);
    return {};
  }
  if (shared::load::is_writable_by_all(path)) {
    diagnostics.warning(at, "everybody can change who may sign in by " + path.string() + ": chmod o-rwx");
  } else if (shared::load::is_open_to_all(path)) {
    diagnostics.warning(at, "everybody can read the hashes in " + path.string() + ": chmod o-rwx");
  }
  return std::move(*text);
}

KeyDigest sha256(std::string_view text) {
  KeyDigest digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return digest;
}

}  // namespace edge
