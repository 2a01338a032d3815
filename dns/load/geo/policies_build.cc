// From the written policies to PolicyTables: names become ids, findings become diagnostics with a place.
#include <algorithm>
#include <charconv>
#include <set>
#include <unordered_map>
#include <utility>

#include "dns/core/steer/correction.h"
#include "dns/load/geo/geo_overrides.h"
#include "dns/load/geo/mmdb.h"
#include "dns/load/geo/policies.h"
#include "shared/core/hash.h"
#include "shared/load/idn.h"

namespace dns {
namespace {

using shared::load::Diagnostics;
using shared::load::Located;
using shared::load::Position;

class SpecBuilder {
 public:
  SpecBuilder(const shared::load::Config& common, Diagnostics& diagnostics)
      : regions_(shared::load::names_of(common.regions)), diagnostics_(diagnostics) {}

  // Those that names may have.
  void know_policies(const SteeringConfig& config) { policies_ = Known(shared::load::names_of(config.policies)); }

  Policy policy(const shared::load::Named<PolicyConfig>& written) {
    Policy out{written.name, {}, position(written.at)};
    if (written.value.empty()) diagnostics_.error(written.at, "policy '" + written.name + "' has no steps");
    if (!overrides_.rows.empty()) out.steps.push_back({overrides_, out.position, true});
    for (const StepConfig& step : written.value) out.steps.push_back(this->step(step));
    return out;
  }

  // The rows of the overrides file: what they say of regions goes before every policy that is read later.
  // `geo` may be null: then no place is known to be wrong.
  std::vector<Correction> corrections(const GeoOverridesConfig& written, const GeoDatabase* geo) {
    std::vector<Correction> out;
    std::set<shared::Prefix> seen;
    for (const auto& [key, at, value] : written) {
      const auto prefix = this->prefix(key, at, seen);
      if (!prefix) continue;
      Correction row{*prefix, std::nullopt, std::nullopt, value.asn};
      if (value.place) row.code = code(value.place->value, value.place->at);
      if (row.code && !row.code->empty() && geo != nullptr) warn_of_place(*row.code, value.place->at, *geo);
      if (value.location) row.location = Location{value.location->latitude, value.location->longitude};
      if (row.code || row.location || row.asn) out.push_back(std::move(row));
      if (value.regions) overrides_.rows.push_back({*prefix, order(*value.regions), position(at)});
    }
    return out;
  }

  SteeredName name(const shared::load::Named<NameConfig>& written) {
    const NameConfig& value = written.value;
    SteeredName out;
    out.name = written.name;
    if (value.policy) out.policy = index(*value.policy, "policy", policies_);
    if (value.alias) out.alias = name_at(*value.alias);
    out.ttl = value.ttl;
    out.answers = value.answers.value_or(out.answers);
    out.when_all_down = value.when_all_down.value_or(out.when_all_down);
    out.families = value.families;
    out.position = position(written.at);
    return out;
  }

  void report(const std::vector<Finding>& findings) {
    for (const Finding& finding : findings) {
      const Position& at = positions_[static_cast<std::size_t>(finding.position)];
      if (finding.severity == Finding::Severity::error) {
        diagnostics_.error(at, finding.message);
      } else {
        diagnostics_.warning(at, finding.message);
      }
    }
  }

 private:
  PositionId position(const Position& at) {
    positions_.push_back(at);
    return static_cast<PositionId>(positions_.size() - 1);
  }

  Name name_at(const Located<std::string>& text) {
    auto name = Name::from_text(shared::load::ascii_name(text.value, text.at, diagnostics_));
    if (!name) diagnostics_.error(text.at, "'" + text.value + "': " + name.error().message);
    return name.value_or(Name{});
  }

  // Names by their index in the file. The configuration outlives them.
  struct Known {
    Known() = default;
    explicit Known(std::vector<std::string_view> all) : names(std::move(all)) {
      for (std::size_t i = 0; i < names.size(); ++i) indexes.emplace(names[i], i);
    }
    std::vector<std::string_view> names;
    std::unordered_map<std::string_view, std::size_t> indexes;
  };

  // 0 with an error if the name is unknown: nothing is compiled then.
  std::size_t index(const Located<std::string>& name, std::string_view kind, const Known& known) {
    const auto found = known.indexes.find(name.value);
    if (found != known.indexes.end()) return found->second;
    shared::load::unknown_name(name.at, kind, name.value, known.names, diagnostics_);
    return 0;
  }
  RegionId region(const std::string& name, const Position& at) {
    return static_cast<RegionId>(index({name, at}, "region", regions_));
  }

  Order order(const OrderConfig& written) {
    Order out;
    std::set<std::string_view> seen;
    for (const ElementConfig& element : written) {
      Element group;
      for (const MemberConfig& member : element) {
        if (!seen.insert(member.region).second) {
          diagnostics_.warning(member.at,
                               "'" + member.region + "' stands twice in this list: its first mention counts");
        }
        group.push_back({region(member.region, member.at), member.weight});
      }
      out.push_back(std::move(group));
    }
    return out;
  }

  std::vector<SubnetRow> subnet_rows(const RowsConfig& written) {
    std::vector<SubnetRow> rows;
    std::set<shared::Prefix> seen;
    for (const auto& [key, at, value] : written) {
      const auto prefix = this->prefix(key, at, seen);
      rows.push_back({prefix.value_or(shared::Prefix{}), order(value), position(at)});
    }
    return rows;
  }

  std::optional<shared::Prefix> prefix(const std::string& key, const Position& at, std::set<shared::Prefix>& seen) {
    const auto prefix = shared::Prefix::parse(key);
    if (!prefix) {
      diagnostics_.error(at, prefix.error().message);
      return std::nullopt;
    }
    if (!seen.insert(*prefix).second) diagnostics_.error(at, prefix->to_string() + " has two rows here");
    const auto embedded = shared::embedded_ipv4(prefix->address);
    if (embedded && prefix->length >= embedded->shift) {
      const auto length = static_cast<std::uint8_t>(std::min(prefix->length - embedded->shift, 32));
      diagnostics_.error(at, prefix->to_string() + " embeds IPv4 addresses, which are looked up as such: write " +
                                 shared::Prefix{embedded->address.masked(length), length}.to_string());
    }
    return *prefix;
  }

  // AS3320 or 3320
  std::uint32_t system(std::string_view key, const Position& at) {
    const std::string_view digits = key.starts_with("AS") ? key.substr(2) : key;
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc{} && end == digits.data() + digits.size() && number > 0) return number;
    diagnostics_.error(at, "'" + std::string(key) + "' is not the number of an autonomous system, such as AS3320");
    return 0;
  }

  AsnStep systems(const RowsConfig& written) {
    AsnStep out;
    std::set<std::uint32_t> seen;
    for (const auto& [key, at, value] : written) {
      const std::uint32_t number = system(key, at);
      if (number != 0 && !seen.insert(number).second) {
        diagnostics_.error(at, "AS" + std::to_string(number) + " has two rows here");
      }
      out.rows.push_back({number, order(value), position(at)});
    }
    return out;
  }

  // A place may be the operator's own; more often it is a slip of the pen, and its clients match no row.
  void warn_of_place(const GeoCode& code, const Position& at, const GeoDatabase& geo) {
    if (geo.source().file.empty()) return;
    if (const auto reason = geo.why_never(code)) {
      diagnostics_.warning(at, "place " + code.text() + " is none of the geo database's: " + *reason);
    }
  }

  GeoCode code(const std::string& key, const Position& at) {
    auto parsed = GeoCode::parse(key);
    if (!parsed) diagnostics_.error(at, parsed.error().message);
    return parsed.value_or(GeoCode{});
  }

  FenceStep fence(const FenceConfig& written) {
    FenceStep out;
    for (const auto& [key, at, value] : written) {
      FenceRow row{code(key, at), {}, position(at)};
      for (const auto& name : value) row.regions.push_back(region(name.value, name.at));
      out.rows.push_back(std::move(row));
    }
    return out;
  }

  NearestStep nearest(const NearestConfig& written) {
    NearestStep out;
    if (written.bias.empty()) return out;
    out.bias.assign(regions_.names.size(), 0);
    for (const auto& [name, at, percent] : written.bias) {
      const std::size_t id = index_of(region(name, at));
      if (id < out.bias.size()) out.bias[id] = percent;
    }
    return out;
  }

  Step step(const StepConfig& written) {
    const PositionId at = position(written.at);
    if (written.subnets) return {SubnetsStep{subnet_rows(*written.subnets)}, at};
    if (written.resolvers) return {ResolversStep{subnet_rows(*written.resolvers)}, at};
    if (written.asn) return {systems(*written.asn), at};
    if (written.nearest) return {nearest(*written.nearest), at};
    if (written.fence) return {fence(*written.fence), at};
    if (written.failover) return {FailoverStep{order(*written.failover)}, at};
    GeoStep geo;
    if (!written.geo) return {geo, at};  // its own error stands
    for (const auto& [key, key_at, value] : *written.geo) {
      geo.rows.push_back({code(key, key_at), order(value), position(key_at)});
    }
    return {std::move(geo), at};
  }

  Known regions_;
  Known policies_;
  Diagnostics& diagnostics_;
  std::vector<Position> positions_;  // by PositionId
  SubnetsStep overrides_;
};

// A region without edges was not understood, which has been said: what it would lead to is no fault of its own.
bool all_read(const shared::load::Config& common) {
  return std::ranges::all_of(common.regions,
                             [](const auto& region) { return !region.value.edges.empty() || region.value.cname; });
}

void check_cnames(const shared::load::Config& common, Diagnostics& diagnostics) {
  for (const auto& region : common.regions) {
    const auto& cname = region.value.cname;
    if (!cname) continue;
    const auto name = Name::from_text(shared::load::ascii_name(cname->value, cname->at, diagnostics));
    if (!name) diagnostics.error(cname->at, "cname '" + cname->value + "': " + name.error().message);
  }
}

}  // namespace

std::vector<Region> regions_of(const shared::load::Config& config) {
  std::vector<Region> out;
  for (const auto& [name, at, value] : config.regions) {
    Region region{name, std::nullopt, {}};
    if (value.location) region.location = Location{value.location->latitude, value.location->longitude};
    for (const auto& edge : value.probed()) region.edges.push_back(edge.value);
    if (value.cname) {
      region.cname = Name::from_text(shared::load::to_ascii(value.cname->value).value_or("")).value_or(Name{});
    }
    out.push_back(std::move(region));
  }
  return out;
}

namespace {

std::shared_ptr<const GeoDatabase> load_one(const std::filesystem::path& path, const Position& at,
                                            Diagnostics& diagnostics) {
  auto database = load_mmdb(path.string());
  if (database) {
    for (const std::string& oddity : (*database)->source().oddities) {
      diagnostics.warning(at, "geo database " + path.string() + ": " + oddity);
    }
    return *std::move(database);
  }
  diagnostics.error(at, database.error().message);
  return nullptr;
}

// A row goes to the database that knows what it corrects.
void correct(SteeringSpec& spec, std::vector<Correction> rows) {
  if (rows.empty()) return;
  if (spec.asn != nullptr) {
    std::vector<Correction> systems;
    for (Correction& row : rows) {
      if (!row.asn) continue;
      systems.push_back({row.prefix, std::nullopt, std::nullopt, std::exchange(row.asn, std::nullopt)});
    }
    if (!systems.empty()) spec.asn = corrected(*spec.asn, systems);
    std::erase_if(rows, [](const Correction& row) { return !row.code && !row.location; });
  }
  if (!rows.empty()) spec.geo = corrected(*spec.geo, rows);
}

}  // namespace

std::shared_ptr<const GeoDatabase> load_geo(const GeoConfig& config, Diagnostics& diagnostics) {
  if (config.database.empty()) return std::make_shared<const GeoDatabase>();
  return load_one(config.database, config.at, diagnostics);
}

std::shared_ptr<const GeoDatabase> load_systems(const GeoConfig& config, Diagnostics& diagnostics) {
  return config.asn.empty() ? nullptr : load_one(config.asn, config.at, diagnostics);
}

std::shared_ptr<const PolicyTables> build_policies(const SteeringConfig& config, const shared::load::Config& common,
                                                   const PolicyInput& input, Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.errors();
  SpecBuilder builder(common, diagnostics);
  std::vector<Correction> rows;
  if (!config.geo.overrides.empty()) {
    rows = builder.corrections(read_geo_overrides(config.geo.overrides, input.yaml, diagnostics), input.data.geo.get());
  }
  check_cnames(common, diagnostics);
  SteeringSpec spec;
  spec.regions = regions_of(common);
  spec.geo = input.data.geo;
  spec.asn = input.data.systems;
  spec.accepted = input.accepted;
  spec.seed = shared::hash_text(0, common.service);
  builder.know_policies(config);
  for (const auto& policy : config.policies) spec.policies.push_back(builder.policy(policy));
  for (const auto& name : config.names) spec.names.push_back(builder.name(name));
  if (diagnostics.errors() > before || spec.geo == nullptr || !all_read(common)) return nullptr;
  correct(spec, std::move(rows));
  CompiledPolicies compiled = compile(std::move(spec));
  builder.report(compiled.findings);
  return std::move(compiled.tables);
}

}  // namespace dns
