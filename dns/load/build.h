#pragma once
// From a configuration to the parts of a Snapshot: zones, policy tables. All or nothing, with all that is wrong told at
// once. Blocks on files and may take seconds: the Builder's work, and that of `meridian check` and `meridian explain`.

#include <memory>
#include <optional>
#include <string>

#include "dns/core/answer_sets.h"
#include "dns/core/policy_tables.h"
#include "dns/core/snapshot.h"
#include "dns/core/zone.h"
#include "dns/load/config.h"
#include "dns/load/geo_file.h"
#include "shared/load/config.h"
#include "shared/load/diagnostics.h"

namespace dns {

// A checked configuration and what was built from it.
struct World {
  shared::load::Config common;
  Config config;
  std::shared_ptr<const ZoneSet> zones;
  std::shared_ptr<const PolicyTables> policies;
  shared::Duration policies_took{};            // to build them
  std::shared_ptr<const GeoFile> geo;          // as its file has it: a reload of the overrides alone begins with it
  std::shared_ptr<const GeoDatabase> systems;  // likewise; null: none
  CookieSecrets cookies;                       // of the file; none: there is no file, or no cookies are spoken
};

// The file, its includes and every file that the `dns` section names. Nothing: at least one error has been added.
// `before`: a geo database that has not changed since is taken from there.
[[nodiscard]] std::optional<World> load_world(const std::string& path, shared::load::Diagnostics& diagnostics,
                                              const World* before = nullptr);

// The same for common sections that are read already.
[[nodiscard]] std::optional<World> build_world(shared::load::Config common, shared::load::Diagnostics& diagnostics,
                                               const World* before = nullptr);

// `before` over the geo database as its file is now; all else stays. Nothing: an error has been added.
[[nodiscard]] std::optional<World> with_new_geo(const World& before, shared::load::Diagnostics& diagnostics);

// The same world after the overrides file alone was read again: nothing else is touched. Nothing: as above.
[[nodiscard]] std::optional<World> with_new_overrides(const World& world, shared::load::Diagnostics& diagnostics);

[[nodiscard]] Snapshot make_snapshot(const World& world, std::shared_ptr<const AnswerSets> answers);

// Warns of each zone whose SOA serial is behind (RFC 1982) the one that was served before: secondaries would not
// follow.
void warn_of_serials(const ZoneSet& before, const World& after, shared::load::Diagnostics& diagnostics);

}  // namespace dns
