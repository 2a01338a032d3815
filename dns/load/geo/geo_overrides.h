#pragma once
// The overrides file: an operator's own rows by prefix, where the geo database is wrong or a network wants something
// else than its neighbours. A file of its own, so that it can be read again alone, without zones and databases. Read by
// dns/load/geo/policies_build.cc; values, any thread.
//
//   203.0.113.0/24: EU-DE                                       # a place alone
//   198.51.100.0/24: {place: NA-US-CA, location: [37.8, -122.3], reason: "ticket 4711"}
//   2001:db8:7::/48: {asn: 64500}
//   192.0.2.0/24: {regions: [eu, us-east]}                      # as if every policy began with this row

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "dns/load/geo/policies.h"
#include "shared/load/config.h"
#include "shared/load/diagnostics.h"
#include "shared/load/table.h"
#include "shared/load/yaml.h"

namespace dns {

struct GeoOverrideConfig {
  std::optional<shared::load::Located<std::string>> place;
  std::optional<shared::load::Location> location;
  std::optional<std::uint32_t> asn;
  std::optional<OrderConfig> regions;
  std::string reason;  // for people
};
using GeoOverridesConfig = shared::load::NamedMap<GeoOverrideConfig>;  // by prefix

[[nodiscard]] const shared::load::Table<GeoOverrideConfig>& geo_override_table();

// No rows and an error if the file cannot be read; rows that are wrong are left out, their errors stand.
[[nodiscard]] GeoOverridesConfig read_geo_overrides(const std::filesystem::path& path,
                                                    const shared::load::YamlSettings& settings,
                                                    shared::load::Diagnostics& diagnostics);

}  // namespace dns
