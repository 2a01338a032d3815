#include "dns/core/steer/policy_tables.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "dns/core/steer/policy_compiler.h"
#include "dns/core/wire/wire.h"

namespace dns {
namespace {

using shared::Family;

// In SteeringSpec::accepted, beside the places that rows name; no code of a place looks like them.
constexpr const char* kCoordinates = "coordinates";
constexpr const char* kSystems = "systems";

[[nodiscard]] std::uint32_t seconds_of(shared::Duration time) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(time).count());
}

void add_error(std::vector<Finding>& findings, PositionId position, std::string message) {
  findings.push_back({Finding::Severity::error, position, std::move(message)});
}

// Of a row for something that the databases do not have.
Finding::Severity severity_for(const SteeringSpec& spec, const std::string& what) {
  return spec.accepted.contains(what) ? Finding::Severity::warning : Finding::Severity::error;
}

template <class Rows>
void check_codes(const Rows& rows, const Step& step, const SteeringSpec& spec, std::vector<Finding>& findings) {
  for (const auto& row : rows) {
    const auto reason = spec.geo->why_never(row.code);
    if (!reason) continue;
    findings.push_back(
        {severity_for(spec, row.code.text()), row.position,
         std::string(name_of(step)) + " row " + row.code.text() + " can never match a client: " + *reason});
  }
}

void check_nearest(const Step& step, const SteeringSpec& spec, std::vector<Finding>& findings) {
  for (const Region& region : spec.regions) {
    if (region.location || region.cname) continue;  // a platform may be everywhere: `nearest` leaves it out then
    add_error(findings, step.position,
              "nearest needs the location of every region, but '" + region.name + "' has none");
  }
  const bool located =
      std::ranges::any_of(spec.geo->records(), [](const GeoRecord& record) { return record.location.has_value(); });
  if (located) return;
  const auto& source = spec.geo->source();
  findings.push_back({severity_for(spec, kCoordinates), step.position,
                      source.file.empty()
                          ? "nearest needs a geo database (dns.geo.database)"
                          : "nearest needs coordinates, but " + source.file + " (" + source.type + ") has none"});
}

// Autonomous systems come and go between two editions of a database: one that is missing is no error, none at all is.
void check_systems(const AsnStep& step, PositionId position, const SteeringSpec& spec, std::vector<Finding>& findings) {
  std::set<std::uint32_t> known;
  for (const GeoRecord& record : spec.systems().records()) known.insert(record.asn);
  known.erase(0);
  const auto& source = spec.systems().source();
  if (known.empty()) {
    findings.push_back({severity_for(spec, kSystems), position,
                        source.file.empty() ? "asn needs a database of AS numbers (dns.geo.asn)"
                                            : "asn needs AS numbers, but " + source.file + " (" + source.type +
                                                  ") has none: name a database that has (dns.geo.asn)"});
    return;
  }
  for (const AsnRow& row : step.rows) {
    if (known.contains(row.asn)) continue;
    findings.push_back({Finding::Severity::warning, row.position,
                        "asn row AS" + std::to_string(row.asn) + " matches no client: " + source.file + " (" +
                            source.type + ") has no network of it"});
  }
}

// What can be said of a policy without looking at its clients.
void check_steps(const Policy& policy, const SteeringSpec& spec, std::vector<Finding>& findings) {
  for (const Step& step : policy.steps) {
    if (const auto* geo = std::get_if<GeoStep>(&step.what)) check_codes(geo->rows, step, spec, findings);
    if (const auto* systems = std::get_if<AsnStep>(&step.what)) check_systems(*systems, step.position, spec, findings);
    if (const auto* fence = std::get_if<FenceStep>(&step.what)) check_codes(fence->rows, step, spec, findings);
    if (std::holds_alternative<NearestStep>(step.what)) check_nearest(step, spec, findings);
  }
}

bool has_family(const Region& region, Family family) {
  return std::ranges::any_of(region.edges, [family](const auto& edge) { return edge.family == family; });
}

const char* type_of(Family family) { return family == Family::ipv4 ? "a" : "aaaa"; }

std::set<RegionId> regions_of(const PolicyTables::Compiled& compiled) {
  std::set<RegionId> out;
  for (const Order& order : compiled.classes) {
    for (const Element& element : order) {
      for (const Member& member : element) out.insert(member.region);
    }
  }
  return out;
}

// Whether a name has addresses of a family; existence never depends on the client, so all its regions must agree.
bool decide_family(const SteeredName& name, Family family, const SteeringSpec& spec, const std::set<RegionId>& regions,
                   std::vector<Finding>& findings) {
  const Region* with = nullptr;
  const Region* without = nullptr;
  for (const RegionId id : regions) {
    const Region& region = spec.regions[index_of(id)];
    if (region.cname) continue;
    (has_family(region, family) ? with : without) = &region;
  }
  const std::string records = family == Family::ipv4 ? "IPv4" : "IPv6";
  if (name.families) {
    if (std::ranges::find(*name.families, family) == name.families->end()) return false;
    if (without == nullptr) return true;
    add_error(findings, name.position,
              name.name + " says families: " + type_of(family) + ", but region '" + without->name + "' has no " +
                  records + " edge");
    return false;
  }
  if (with != nullptr && without != nullptr) {
    const Family other = family == Family::ipv4 ? Family::ipv6 : Family::ipv4;
    add_error(findings, name.position,
              name.name + ": region '" + with->name + "' has " + records + " edges, region '" + without->name +
                  "' has none: give it one, or say families: [" + type_of(other) + "]");
    return false;
  }
  return with != nullptr;
}

// All edges of all regions are what is answered when every region is down.
void check_size(const SteeredName& name, Family family, const SteeringSpec& spec, const std::set<RegionId>& regions,
                std::vector<Finding>& findings) {
  std::size_t count = 0;
  for (const RegionId id : regions) {
    const Region& region = spec.regions[index_of(id)];
    if (!region.cname)
      count += static_cast<std::size_t>(std::ranges::count(region.edges, family, &shared::IpAddress::family));
  }
  constexpr std::size_t kAround = kHeaderSize + kMaxNameSize + 4 + kOptFixedSize;
  const std::size_t rr_size = 2 + kRrFixedSize + shared::bits_of(family) / 8;
  if (kAround + count * rr_size <= kMaxMessageSize) return;
  add_error(findings, name.position,
            name.name + ": the " + std::to_string(count) + (family == Family::ipv4 ? " IPv4" : " IPv6") +
                " edges of its regions fit into no message, which holds " +
                std::to_string((kMaxMessageSize - kAround) / rr_size));
}

PolicyTables::Profile profile_for(const SteeredName& name, const SteeringSpec& spec, const std::set<RegionId>& regions,
                                  std::vector<Finding>& findings) {
  PolicyTables::Profile profile;
  profile.policy = static_cast<std::uint32_t>(name.policy);
  profile.answers = name.answers;
  profile.when_all_down = name.when_all_down;
  profile.ttl_min = seconds_of(name.ttl.min);
  profile.ttl_max = seconds_of(name.ttl.max);
  const std::size_t before = findings.size();
  profile.has_a = decide_family(name, Family::ipv4, spec, regions, findings);
  profile.has_aaaa = decide_family(name, Family::ipv6, spec, regions, findings);
  profile.may_cname =
      std::ranges::any_of(regions, [&spec](RegionId id) { return spec.regions[index_of(id)].cname.has_value(); });
  for (const Family family : {Family::ipv4, Family::ipv6}) check_size(name, family, spec, regions, findings);
  if (findings.size() == before && !profile.has_a && !profile.has_aaaa && !profile.may_cname) {
    add_error(findings, name.position, name.name + " would have no address: its regions have no edges");
  }
  return profile;
}

// Whether it has a type is for its target to say.
PolicyTables::Profile alias_profile(const SteeredName& name, std::uint32_t number) {
  PolicyTables::Profile profile;
  profile.ttl_min = seconds_of(name.ttl.min);
  profile.ttl_max = seconds_of(name.ttl.max);
  profile.has_a = profile.has_aaaa = true;
  profile.alias = number;
  return profile;
}

PolicyCompiler::Granularity granularity_of(std::size_t policy, const SteeringSpec& spec) {
  const bool windows = std::ranges::any_of(spec.names, [policy](const SteeredName& name) {
    return !name.alias && name.policy == policy && name.answers > 0;
  });
  return windows ? PolicyCompiler::Granularity::finely : PolicyCompiler::Granularity::by_class;
}

bool has_error(std::span<const Finding> findings) {
  return std::ranges::any_of(findings, [](const Finding& f) { return f.severity == Finding::Severity::error; });
}

}  // namespace

std::set<std::string> places_in(const SteeringSpec& spec) {
  std::set<std::string> out;
  const auto add = [&out](const auto& rows) {
    for (const auto& row : rows) out.insert(row.code.text());
  };
  for (const Policy& policy : spec.policies) {
    for (const Step& step : policy.steps) {
      if (const auto* geo = std::get_if<GeoStep>(&step.what)) add(geo->rows);
      if (const auto* fence = std::get_if<FenceStep>(&step.what)) add(fence->rows);
      if (std::holds_alternative<NearestStep>(step.what)) out.insert(kCoordinates);
      if (std::holds_alternative<AsnStep>(step.what)) out.insert(kSystems);
    }
  }
  return out;
}

CompiledPolicies compile(SteeringSpec spec) {
  auto tables = std::make_shared<PolicyTables>();
  std::vector<Finding> findings;
  std::vector<std::set<RegionId>> regions;
  for (std::size_t i = 0; i < spec.policies.size(); ++i) {
    const std::size_t before = findings.size();
    check_steps(spec.policies[i], spec, findings);
    PolicyTables::Compiled compiled;
    if (!has_error(std::span(findings).subspan(before))) {
      compiled = PolicyCompiler(spec.policies[i], spec, findings).compile(granularity_of(i, spec));
    }
    regions.push_back(regions_of(compiled));
    tables->compiled_.push_back(std::move(compiled));
  }
  std::map<PolicyTables::Profile, std::uint32_t> known;
  for (const SteeredName& name : spec.names) {
    if (name.alias) {
      tables->aliases_.push_back(PolicyNameId{static_cast<std::uint32_t>(&name - spec.names.data())});
      tables->profile_of_name_.push_back(static_cast<std::uint32_t>(tables->profiles_.size()));
      tables->profiles_.push_back(alias_profile(name, static_cast<std::uint32_t>(tables->aliases_.size())));
      continue;
    }
    if (tables->compiled_[name.policy].classes.empty()) continue;  // its policy's own error stands
    const auto profile = profile_for(name, spec, regions[name.policy], findings);
    const auto [found, fresh] = known.try_emplace(profile, static_cast<std::uint32_t>(tables->profiles_.size()));
    if (fresh) tables->profiles_.push_back(profile);
    tables->profile_of_name_.push_back(found->second);
  }
  tables->spec_ = std::move(spec);
  if (has_error(findings)) tables = nullptr;
  return {std::move(tables), std::move(findings)};
}

}  // namespace dns
