#include "dns/load/build.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/load/cname_names.h"
#include "dns/load/cookie_file.h"
#include "dns/load/unused.h"
#include "dns/load/zone_file.h"
#include "shared/load/idn.h"

namespace dns {

using shared::load::Diagnostics;

namespace {

// The zones of the configuration by their origins, which are said, never guessed.
class ZoneNames {
 public:
  explicit ZoneNames(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void add(const std::string& origin, const std::filesystem::path& file, const shared::load::Position& at) {
    const auto name = Name::from_text(origin);
    if (!name) return diagnostics_.error(at, "zone '" + origin + "': " + name.error().message);
    for (const ZoneSource& source : sources_) {
      if (!(source.origin == *name)) continue;
      return diagnostics_.error(
          at, "zone " + name->to_text() + " stands twice: " + source.file.string() + " and " + file.string());
    }
    sources_.push_back({*name, file, {}, at});
  }

  // ORIGIN.zone for each, in the order of their names.
  void add_directory(const shared::load::Located<std::filesystem::path>& directory) {
    std::error_code error;
    std::vector<std::filesystem::path> files;
    for (std::filesystem::directory_iterator at(directory.value, error), end; !error && at != end;
         at.increment(error)) {
      const std::string name = at->path().filename().string();
      if (name.starts_with('.') || !name.ends_with(kSuffix) || name.size() == kSuffix.size()) continue;
      files.push_back(at->path());
    }
    if (error) {
      return diagnostics_.error(directory.at,
                                "cannot read the folder " + directory.value.string() + ": " + error.message());
    }
    if (files.empty()) diagnostics_.warning(directory.at, "no *.zone file in the folder " + directory.value.string());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
      const std::string name = file.filename().string();
      add(shared::load::ascii_name(name.substr(0, name.size() - kSuffix.size()), directory.at, diagnostics_), file,
          directory.at);
    }
  }

  [[nodiscard]] std::vector<ZoneSource> take() { return std::move(sources_); }

 private:
  static constexpr std::string_view kSuffix = ".zone";
  Diagnostics& diagnostics_;
  std::vector<ZoneSource> sources_;
};

std::vector<ZoneSource> name_zones(const Config& config, Diagnostics& diagnostics) {
  ZoneNames names(diagnostics);
  for (const auto& zone : config.zones) names.add(zone.name, zone.value, zone.at);
  if (config.zone_directory) names.add_directory(*config.zone_directory);
  return names.take();
}

// The zone with the longest origin that holds the name.
ZoneSource* zone_of(std::vector<ZoneSource>& sources, const Name& name) {
  ZoneSource* best = nullptr;
  for (ZoneSource& source : sources) {
    if (!name.is_within(source.origin)) continue;
    if (best == nullptr || source.origin.label_count() > best->origin.label_count()) best = &source;
  }
  return best;
}

// Without `families` a policy, or an alias, gives both.
SteeredTypes types_of(const std::optional<std::vector<shared::Family>>& families) {
  const auto has = [&](shared::Family family) {
    return !families || std::ranges::find(*families, family) != families->end();
  };
  return {has(shared::Family::ipv4), has(shared::Family::ipv6)};
}

// Gives each policy name to its zone. PolicyNameId counts as build_policies() does: in file order.
void mark_names(const Config& config, std::vector<ZoneSource>& sources, Diagnostics& diagnostics) {
  for (std::size_t i = 0; i < config.names.size(); ++i) {
    const auto& written = config.names[i];
    const auto name = Name::from_text(written.name);
    if (!name) {
      diagnostics.error(written.at, "name '" + written.name + "': " + name.error().message);
      continue;
    }
    ZoneSource* const zone = zone_of(sources, *name);
    if (zone == nullptr) {
      diagnostics.error(written.at, "name '" + written.name + "' lies in none of the zones");
    } else {
      zone->marks.push_back(
          {*name, PolicyNameId{static_cast<std::uint32_t>(i)}, written.at, types_of(written.value.families)});
    }
  }
}

std::shared_ptr<const ZoneSet> build_zones(const Config& config, Diagnostics& diagnostics) {
  auto sources = name_zones(config, diagnostics);
  mark_names(config, sources, diagnostics);
  ZoneFileSettings settings;
  settings.signed_zones = config.signed_zones;
  std::vector<std::shared_ptr<const Zone>> zones;
  for (const ZoneSource& source : sources) zones.push_back(load_zone_file(source, settings, diagnostics));
  if (diagnostics.failed()) return nullptr;
  return std::make_shared<const ZoneSet>(std::move(zones));
}

// From the databases that the world has.
void make_policies(World& world, const shared::load::Config& common, Diagnostics& diagnostics) {
  const shared::TimePoint began = shared::Clock::now();
  const GeoData data{world.geo->database, world.systems};
  world.policies = build_policies(world.config.steering(), common, data, diagnostics);
  world.policies_took = shared::Clock::now() - began;
}

CookieSecrets load_cookies(const CookieConfig& config, Diagnostics& diagnostics) {
  if (!config.enabled || !config.secrets) return {};
  return load_cookie_secrets(config.secrets->value, config.secrets->at, diagnostics).value_or(CookieSecrets{});
}

RateLimit rate_limit_of(const RateLimitConfig& config) {
  return {config.mode, static_cast<std::uint32_t>(ResponseCells::kBurstUs / config.rate.per_second), config.slip};
}

// RFC 1982 section 3.2.
bool is_behind(std::uint32_t serial, std::uint32_t other) {
  return serial != other && static_cast<std::int32_t>(serial - other) < 0;
}

const shared::load::Position& place_of(const Zone& zone, const Config& config) {
  static const shared::load::Position kNowhere;
  for (const auto& written : config.zones) {
    const auto origin = Name::from_text(written.name);
    if (origin && *origin == zone.apex()) return written.at;
  }
  if (config.zone_directory) return config.zone_directory->at;
  return kNowhere;
}

}  // namespace

std::optional<World> load_world(const std::string& path, Diagnostics& diagnostics, const World* before) {
  auto common = shared::load::load_config(path, diagnostics);
  if (!common) return std::nullopt;
  return build_world(std::move(*common), diagnostics, before);
}

// Goes on after errors as far as it makes sense, so that a person sees all of them.
std::optional<World> build_world(shared::load::Config common, Diagnostics& diagnostics, const World* before) {
  World world;
  world.config = read_config(common, diagnostics);
  if (!common.dns) return std::nullopt;
  world.zones = build_zones(world.config, diagnostics);
  if (!diagnostics.failed()) warn_of_unused(world.config, common, diagnostics);
  world.geo = load_geo_file(world.config.geo, before == nullptr ? nullptr : before->geo, diagnostics);
  world.systems = load_systems(world.config.geo, diagnostics);
  if (world.geo != nullptr && (world.systems != nullptr || world.config.geo.asn.empty())) {
    make_policies(world, common, diagnostics);
  }
  if (world.zones != nullptr && world.policies != nullptr) {
    check_cname_names(*world.zones, *world.policies, world.config, diagnostics);
  }
  world.cookies = load_cookies(world.config.cookies, diagnostics);
  if (diagnostics.failed()) return std::nullopt;
  world.common = std::move(common);
  return world;
}

std::optional<World> with_new_overrides(const World& world, Diagnostics& diagnostics) {
  if (world.config.geo.overrides.empty()) {
    diagnostics.error(world.config.geo.at, "there is no overrides file: dns.geo.overrides names one");
    return std::nullopt;
  }
  World next = world;
  make_policies(next, next.common, diagnostics);
  if (diagnostics.failed()) return std::nullopt;
  return next;
}

std::optional<World> with_new_geo(const World& before, Diagnostics& diagnostics) {
  World next = before;
  next.geo = load_geo_file(before.config.geo, before.geo, diagnostics);
  if (next.geo == nullptr) return std::nullopt;
  Diagnostics again;  // the warnings of the configuration have been told; what is an error now was none before
  make_policies(next, next.common, again);
  if (next.policies != nullptr) return next;
  for (const auto& problem : again.list()) {
    if (problem.severity == shared::load::Severity::error) diagnostics.error(problem.at, problem.message);
  }
  return std::nullopt;
}

Snapshot make_snapshot(const World& world, std::shared_ptr<const AnswerSets> answers) {
  Snapshot snapshot;
  snapshot.zones = world.zones;
  snapshot.policies = world.policies;
  snapshot.answers = std::move(answers);
  snapshot.identity = {world.config.nsid, world.config.version};
  snapshot.udp_payload_size = static_cast<std::uint16_t>(world.config.udp_payload_size);
  snapshot.cookies = world.cookies;
  snapshot.rate_limit = rate_limit_of(world.config.rate_limit);
  return snapshot;
}

void warn_of_serials(const ZoneSet& before, const World& after, Diagnostics& diagnostics) {
  for (const auto& zone : after.zones->zones()) {
    for (const auto& old : before.zones()) {
      if (!(old->apex() == zone->apex()) || !is_behind(zone->serial(), old->serial())) continue;
      diagnostics.warning(place_of(*zone, after.config),
                          "zone " + zone->apex().to_text() + ": the serial goes back from " +
                              std::to_string(old->serial()) + " to " + std::to_string(zone->serial()) +
                              ", secondaries will not follow");
    }
  }
}

}  // namespace dns
