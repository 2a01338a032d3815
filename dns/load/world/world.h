#pragma once
// From a configuration to the parts of a Snapshot: zones, policy tables. All or nothing, with all that is wrong told at
// once. Blocks on files and may take seconds: the Builder's work, and that of `meridian check` and `meridian explain`.

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dns/core/answer/snapshot.h"
#include "dns/core/steer/answer_sets.h"
#include "dns/core/steer/policy_tables.h"
#include "dns/core/zone/zone.h"
#include "dns/load/config/config.h"
#include "dns/load/geo/geo_file.h"
#include "dns/load/zone/zone_set.h"
#include "shared/load/config.h"
#include "shared/load/diagnostics.h"
#include "shared/load/files.h"
#include "shared/load/parsed_texts.h"

namespace dns {

// A checked configuration and what was built from it.
struct World {
  shared::load::Config common;
  Config config;
  std::shared_ptr<const ZoneSet> zones;
  std::shared_ptr<const PolicyTables> policies;
  shared::Duration policies_took{};              // to build them
  std::set<std::string> policy_warnings;         // what was told when they were built
  std::shared_ptr<const GeoFile> geo;            // as its file has it: a reload of the overrides alone begins with it
  std::shared_ptr<const GeoDatabase> systems;    // likewise; null: none
  std::vector<shared::load::TlsHost> tls_hosts;  // what is shown over TLS; empty: nothing can be, or is to be
  std::vector<std::string> ticket_keys;          // likewise, of a file; empty: random ones
  shared::ClientTls probe_tls;                   // towards edges that are probed over https
  CookieSecrets cookies;                         // of the file; none: there is no file, or no cookies are spoken
  std::shared_ptr<const shared::load::FileNotes> files;  // that were read: configuration, includes, overrides, zones
  std::shared_ptr<shared::load::FreshTexts> fresh;       // contents of theirs; the Builder's, who empties it
};

// What a start does so that one broken file does not keep all from being served.
struct StartCare {
  ZoneCare zones;
  // The databases that were accepted last, or null: in place of those that cannot be used.
  std::function<std::shared_ptr<const GeoFile>(const GeoConfig&)> last_geo;
  std::function<std::shared_ptr<const GeoDatabase>(const GeoConfig&)> last_systems;
  std::vector<shared::load::Diagnostic> problems;  // of other files than zones'
};

struct LoadOptions {
  const World* before = nullptr;  // a geo database that has not changed since is taken from there
  shared::load::Files files = shared::load::disk();
  StartCare* care = nullptr;                                     // of a start; null: whatever is wrong is an error
  std::shared_ptr<const std::set<std::string>> accepted{};       // what rows name that was good before: PolicyInput
  std::function<bool(const shared::load::FileNote&)> is_kept{};  // see shared::load::Noting
  std::shared_ptr<shared::load::ParsedTexts> parsed{};           // of a reader before; null: there was none
  shared::load::NodeChoice node{};                               // which of `dns.nodes` reads
};

// The file, its includes and every file that the `dns` section names. Nothing: at least one error has been added.
[[nodiscard]] std::optional<World> load_world(const std::string& path, shared::load::Diagnostics& diagnostics,
                                              const LoadOptions& options = {});

// The same for common sections that are read already.
[[nodiscard]] std::optional<World> build_world(shared::load::Config common, shared::load::Diagnostics& diagnostics,
                                               const LoadOptions& options = {});

// `before` over the geo database as its file is now; all else stays. Nothing: an error has been added.
[[nodiscard]] std::optional<World> with_new_geo(const World& before, shared::load::Diagnostics& diagnostics);

// The same over a geo database that is read already.
[[nodiscard]] std::optional<World> with_geo(const World& before, std::shared_ptr<const GeoFile> geo,
                                            shared::load::Diagnostics& diagnostics);

// The same world after the overrides file alone was read again: nothing else is touched. Nothing: as above.
[[nodiscard]] std::optional<World> with_new_overrides(const World& world, shared::load::Diagnostics& diagnostics);

// The options that differ and cannot change while the process runs, with their place in the file of `after`.
struct NeedsRestart {
  std::string option;
  shared::load::Position at;
};
[[nodiscard]] std::vector<NeedsRestart> needs_restart(const World& before, const World& after);

[[nodiscard]] Snapshot make_snapshot(const World& world, std::shared_ptr<const AnswerSets> answers);

}  // namespace dns
