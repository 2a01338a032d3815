#include "edge/load/countries.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "shared/load/file.h"
#include "shared/load/mmdb_walk.h"

namespace edge {
namespace {

using shared::load::MmdbPath;

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

// MaxMind's layout, and flat ones. A network of a continent alone is registered somewhere, and is not there.
std::string country_of(MMDB_entry_s entry) {
  const auto first = [&](std::initializer_list<MmdbPath> paths) {
    for (const MmdbPath& path : paths) {
      std::string code = upper(shared::load::mmdb_text(entry, path));
      if (is_country_code(code)) return code;
    }
    return std::string();
  };
  std::string code = first({{"country", "iso_code", nullptr}, {"country_code", nullptr}, {"country", nullptr}});
  if (code.empty() && shared::load::mmdb_text(entry, {"continent", "code", nullptr}).empty()) {
    code = first({{"registered_country", "iso_code", nullptr}});
  }
  return code;
}

}  // namespace

bool is_country_code(std::string_view text) {
  return text.size() == 2 && std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

shared::Result<void> read_countries(std::span<const std::uint8_t> bytes, CountryNetworks& wanted) {
  std::vector<std::vector<shared::Prefix>*> lists{nullptr};  // 0: of no country that is wanted
  std::map<std::string, std::uint32_t, std::less<>> ids;
  for (auto& [code, networks] : wanted) {
    ids.emplace(code, static_cast<std::uint32_t>(lists.size()));
    lists.push_back(&networks);
  }
  const auto type = shared::load::walk_mmdb(bytes, {.id_of = [&](MMDB_entry_s entry) -> std::uint32_t {
                                                      const auto found = ids.find(country_of(entry));
                                                      return found == ids.end() ? 0 : found->second;
                                                    },
                                                    .network =
                                                        [&](const shared::Prefix& network, std::uint32_t id) {
                                                          if (lists[id] != nullptr) lists[id]->push_back(network);
                                                        }});
  if (!type) return tl::unexpected(type.error());
  return {};
}

shared::Result<void> read_countries(const std::filesystem::path& file, CountryNetworks& wanted) {
  const auto text = shared::load::read_file(file);
  if (!text) return shared::fail("cannot read it: " + text.error().message);
  return read_countries({reinterpret_cast<const std::uint8_t*>(text->data()), text->size()}, wanted);
}

}  // namespace edge
