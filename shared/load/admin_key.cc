#include "shared/load/admin_key.h"

#include <algorithm>

#include "shared/load/file.h"

namespace shared::load {

std::string load_admin_key(const Located<std::filesystem::path>& file, Diagnostics& diagnostics) {
  const std::string name = file.value.string();
  const auto text = read_file(file.value, {.largest = 4096});
  if (!text) {
    diagnostics.error(file.at, "key: cannot read " + name + ": " + text.error().message);
    return {};
  }
  std::string key = *text;
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r' || key.back() == ' ')) key.pop_back();
  const bool printable = std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; });
  if (key.size() < kShortestAdminKey || !printable) {
    diagnostics.error(file.at, "key: " + name + " must hold one line of at least " + std::to_string(kShortestAdminKey) +
                                   " printable characters: `openssl rand -hex 32` makes one");
    return {};
  }
  if (is_open_to_all(file.value)) {
    diagnostics.warning(file.at, "key: everybody can read or write " + name + ": chmod o-rw");
  }
  return key;
}

}  // namespace shared::load
