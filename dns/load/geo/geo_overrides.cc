#include "dns/load/geo/geo_overrides.h"

namespace dns {
namespace {

using namespace shared::load;  // the vocabulary of field tables

void check_row(const GeoOverrideConfig& row, const Node& node, Diagnostics& diagnostics) {
  if (row.place || row.location || row.asn || row.regions) return;
  diagnostics.error(node.at, "this row corrects nothing: it needs place, location, asn or regions");
}

// EU-DE alone, or a map.
Reader<GeoOverrideConfig> row() {
  auto read = [](const Node& node, Diagnostics& diagnostics) -> std::optional<GeoOverrideConfig> {
    if (node.is_map()) return geo_override_table().read(node, diagnostics);
    auto place = located(word()).read(node, diagnostics);
    if (!place) return std::nullopt;
    GeoOverrideConfig out;
    out.place = std::move(*place);
    return out;
  };
  return custom<GeoOverrideConfig>("place, or map", read);
}

}  // namespace

const Table<GeoOverrideConfig>& geo_override_table() {
  static const auto table =
      Table<GeoOverrideConfig>(
          "dns.geo.overrides.PREFIX",
          "A row of the file that dns.geo.overrides names, a file of its own that is a map of prefixes: "
          "`203.0.113.0/24: EU-DE`, or with these options. Of rows that nest only the most specific counts.")
          .field("place", &GeoOverrideConfig::place, optional_of(located(word())),
                 "Where these clients are: continent, country or subdivision, such as EU-DE")
          .field("location", &GeoOverrideConfig::location, optional_of(location()),
                 "Where exactly, for `nearest`; without it, where the database has that place")
          .field("asn", &GeoOverrideConfig::asn, optional_of(integer<std::uint32_t>(1)),
                 "The number of their autonomous system")
          .field("regions", &GeoOverrideConfig::regions, optional_of(order_reader()),
                 "Their order of regions, before all that a policy says; fences stand")
          .field("reason", &GeoOverrideConfig::reason, any_text(), "For people; nothing reads it")
          .check(check_row);
  return table;
}

GeoOverridesConfig read_geo_overrides(const std::filesystem::path& path, const YamlSettings& settings,
                                      Diagnostics& diagnostics) {
  const auto document = read_yaml_file(path.string(), settings, diagnostics);
  if (!document) return {};
  return map_of("prefix", row()).read(*document, diagnostics).value_or(GeoOverridesConfig{});
}

}  // namespace dns
