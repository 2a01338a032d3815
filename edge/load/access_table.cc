// The field table of access lists.

#include <array>

#include "edge/load/countries.h"
#include "edge/load/readers.h"
#include "edge/load/tables.h"

namespace edge {
namespace {

using namespace shared::load;

std::optional<AccessEntryConfig> read_entry(const Node& node, Diagnostics& diagnostics) {
  constexpr std::array<std::string_view, 2> kKeys{"file", "country"};
  AccessEntryConfig entry;
  if (node.is_scalar()) {
    const auto network = prefix().read(node, diagnostics);
    if (!network) return std::nullopt;
    entry.prefix = *network;
    return entry;
  }
  const Node* element = expect_one_key(node, kKeys, diagnostics);
  if (element == nullptr) return std::nullopt;
  if (element->key == "country") {
    const auto code = text().read(*element, diagnostics);
    if (!code) return std::nullopt;
    if (!is_country_code(*code)) {
      diagnostics.error(element->at, "country: two capital letters (ISO 3166-1), such as DE, not '" + *code + "'");
      return std::nullopt;
    }
    entry.country = {*code, element->at};
    return entry;
  }
  const auto path = file_path().read(*element, diagnostics);
  if (!path) return std::nullopt;
  entry.file = {*path, element->at};
  return entry;
}

Reader<std::vector<AccessEntryConfig>> entries() {
  return list_of(custom<AccessEntryConfig>("network, `{file: FILE}` or `{country: DE}`", read_entry));
}

void check_list(const AccessConfig& list, const Node& node, Diagnostics& diagnostics) {
  if (!list.allow.empty() || !list.deny.empty()) return;
  const bool nobody = node.find("allow") != nullptr;
  diagnostics.error(node.at, nobody ? "allow: an empty list lets nobody in"
                                    : "an access list has networks under allow, deny or both");
}

}  // namespace

const Table<AccessConfig>& access_table() {
  static const auto table =
      Table<AccessConfig>(
          "edge.access.NAME",
          "Who may come, by network: the most specific one that holds the client's address decides; "
          "of one that is both allowed and denied, denial. `{country: DE}` stands for the networks of a "
          "country. See docs/access.md.")
          .field("allow", &AccessConfig::allow, entries(),
                 "Networks that may come, and files of them, a network in each line, which are read again when they "
                 "change; with any of these, whoever is in no network of the list is denied")
          .field("deny", &AccessConfig::deny, entries(), "Networks that may not, and files of them: 403")
          .field("mode", &AccessConfig::mode, mode(), "enforce, shadow or disabled")
          .field("everywhere", &AccessConfig::everywhere, boolean(), "For every route, before the route's own")
          .field("hosts", &AccessConfig::hosts, one_or_list(located(host_pattern())),
                 "For every route with one of these as its `host`")
          .position(&AccessConfig::at)
          .check(check_list);
  return table;
}

}  // namespace edge
