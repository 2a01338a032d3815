#pragma once
// The parts of the `dns` section that steer: `geo`, `policies`, `names`, as they are written, and what becomes of them.
// dns/load/config/config.h embeds SteeringConfig; the Builder loads the geo database and compiles. Values; any thread.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dns/core/steer/policy_tables.h"
#include "shared/core/mode.h"
#include "shared/load/config.h"
#include "shared/load/table.h"
#include "shared/load/yaml.h"

namespace dns {

struct GuardConfig {
  double share = 10;  // percent of the answers
  shared::Mode mode = shared::Mode::enforce;
};

struct GeoConfig {
  std::filesystem::path database;   // empty: none
  std::filesystem::path asn;        // empty: AS numbers are those of `database`
  std::filesystem::path overrides;  // empty: none
  shared::Duration poll = shared::seconds(10);
  GuardConfig guard;
  shared::load::Position at;
};

struct MemberConfig {
  std::string region;
  shared::load::Position at;
  std::uint16_t weight = 1;
};
// Lists of regions and weighted groups, the rows of a step by prefix or place.
using ElementConfig = std::vector<MemberConfig>;
using OrderConfig = std::vector<ElementConfig>;
using RowsConfig = shared::load::NamedMap<OrderConfig>;
using FenceConfig = shared::load::NamedMap<std::vector<shared::load::Located<std::string>>>;

struct NearestConfig {
  shared::load::NamedMap<std::int8_t> bias;  // by region, percent
};

// One of these is there.
struct StepConfig {
  std::optional<RowsConfig> subnets;
  std::optional<RowsConfig> resolvers;
  std::optional<RowsConfig> asn;
  std::optional<RowsConfig> geo;
  std::optional<NearestConfig> nearest;
  std::optional<OrderConfig> failover;
  std::optional<FenceConfig> fence;
  shared::load::Position at;
};
using PolicyConfig = std::vector<StepConfig>;

struct NameConfig {
  std::optional<shared::load::Located<std::string>> policy;
  std::optional<shared::load::Located<std::string>> alias;
  TtlBounds ttl;
  std::optional<std::uint16_t> answers;
  std::optional<WhenAllDown> when_all_down;
  std::optional<std::vector<shared::Family>> families;
  shared::load::Position at;
};

struct SteeringConfig {
  GeoConfig geo;
  shared::load::NamedMap<PolicyConfig> policies;
  shared::load::NamedMap<NameConfig> names;  // in this order PolicyNameId counts
};

[[nodiscard]] const shared::load::Table<GeoConfig>& geo_table();
[[nodiscard]] shared::load::Reader<OrderConfig> order_reader();
[[nodiscard]] shared::load::Reader<shared::load::NamedMap<PolicyConfig>> policies_reader();
[[nodiscard]] shared::load::Reader<shared::load::NamedMap<NameConfig>> names_reader();

// The regions of the common sections as steering wants them, in file order: RegionId is the index.
[[nodiscard]] std::vector<Region> regions_of(const shared::load::Config& config);

// The database of the configuration, or the empty one if none is said. Null: an error has been added.
[[nodiscard]] std::shared_ptr<const GeoDatabase> load_geo(const GeoConfig& config,
                                                          shared::load::Diagnostics& diagnostics);
// That of autonomous systems. Null if none is said, or an error has been added.
[[nodiscard]] std::shared_ptr<const GeoDatabase> load_systems(const GeoConfig& config,
                                                              shared::load::Diagnostics& diagnostics);

// As their files have them, before any correction.
struct GeoData {
  std::shared_ptr<const GeoDatabase> geo;
  std::shared_ptr<const GeoDatabase> systems;  // null: none
};

struct PolicyInput {
  GeoData data{};
  // What rows name that was good before (places_in()): a database that has it no more is worth a warning, for a row
  // that has never been good it is a mistake of the row.
  std::set<std::string> accepted{};
  shared::load::YamlSettings yaml = shared::load::process_settings();  // how the overrides file is read
};

// Reads the overrides file, corrects the databases by it, resolves the names of regions and policies and compiles.
// Null: at least one error has been added.
[[nodiscard]] std::shared_ptr<const PolicyTables> build_policies(const SteeringConfig& config,
                                                                 const shared::load::Config& common,
                                                                 const PolicyInput& input,
                                                                 shared::load::Diagnostics& diagnostics);

}  // namespace dns
