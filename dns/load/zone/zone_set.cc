#include "dns/load/zone/zone_set.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "dns/load/zone/zone_file.h"
#include "shared/load/idn.h"

namespace dns {

using shared::load::Diagnostic;
using shared::load::Diagnostics;
using shared::load::Files;
using shared::load::Position;
using shared::load::Severity;

namespace {

std::string_view octets_of(NameSpan name) { return {reinterpret_cast<const char*>(name.data()), name.size()}; }

// Places in a list by origin. A server may have very many zones: nothing here looks through all of them.
class Origins {
 public:
  void reserve(std::size_t count) { places_.reserve(count); }
  // False: it is there already.
  bool add(const Name& origin, std::size_t place) {
    return places_.emplace(std::string(octets_of(origin.wire())), place).second;
  }
  [[nodiscard]] std::optional<std::size_t> find(const Name& origin) const { return find(origin.wire()); }
  // That of the longest origin that holds the name; `above`: the name itself does not count.
  enum class From : std::uint8_t { itself, above };
  [[nodiscard]] std::optional<std::size_t> around(const Name& name, From from) const {
    NameSpan rest = name.wire();
    if (from == From::above && rest.size() > 1) rest = rest.subspan(std::size_t{rest[0]} + 1);
    if (from == From::above && name.is_root()) return std::nullopt;
    while (true) {
      if (const auto found = find(rest)) return found;
      if (rest.size() <= 1) return std::nullopt;
      rest = rest.subspan(std::size_t{rest[0]} + 1);
    }
  }

 private:
  [[nodiscard]] std::optional<std::size_t> find(NameSpan origin) const {
    const auto found = places_.find(std::string(octets_of(origin)));
    return found == places_.end() ? std::nullopt : std::optional(found->second);
  }

  std::unordered_map<std::string, std::size_t> places_;
};

// Without `families` a policy, or an alias, gives both.
SteeredTypes types_of(const std::optional<std::vector<shared::Family>>& families) {
  const auto has = [&](shared::Family family) {
    return !families || std::ranges::find(*families, family) != families->end();
  };
  return {has(shared::Family::ipv4), has(shared::Family::ipv6)};
}

// The zones of the configuration by their origins, which are said, never guessed.
class ZoneNames {
 public:
  ZoneNames(const Files& files, Diagnostics& diagnostics) : files_(files), diagnostics_(diagnostics) {}

  void add_all(const shared::load::NamedMap<std::filesystem::path>& zones) {
    sources_.reserve(zones.size());
    origins_.reserve(zones.size());
    for (const auto& zone : zones) add(zone.name, zone.value, zone.at);
  }

  void add(const std::string& origin, const std::filesystem::path& file, const Position& at) {
    const auto name = Name::from_text(origin);
    if (!name) return diagnostics_.error(at, "zone '" + origin + "': " + name.error().message);
    if (!origins_.add(*name, sources_.size())) {
      const ZoneSource& first = sources_[*origins_.find(*name)];
      return diagnostics_.error(
          at, "zone " + name->to_text() + " stands twice: " + first.file.string() + " and " + file.string());
    }
    sources_.push_back({*name, file, {}, at});
  }

  // ORIGIN.zone for each, in the order of their names.
  void add_directory(const shared::load::Located<std::filesystem::path>& directory) {
    auto listed = files_.list(directory.value);
    if (!listed) {
      return diagnostics_.error(directory.at,
                                "cannot read the folder " + directory.value.string() + ": " + listed.error().message);
    }
    std::erase_if(*listed, [](const std::filesystem::path& file) {
      const std::string name = file.filename().string();
      return name.starts_with('.') || !name.ends_with(kSuffix) || name.size() == kSuffix.size();
    });
    if (listed->empty()) diagnostics_.warning(directory.at, "no *.zone file in the folder " + directory.value.string());
    std::sort(listed->begin(), listed->end());
    for (const auto& file : *listed) {
      const std::string name = file.filename().string();
      add(shared::load::ascii_name(name.substr(0, name.size() - kSuffix.size()), directory.at, diagnostics_), file,
          directory.at);
    }
  }

  // Gives each policy name to its zone. PolicyNameId counts as build_policies() does: in file order.
  void mark(const Config& config) {
    for (std::size_t i = 0; i < config.names.size(); ++i) {
      const auto& written = config.names[i];
      const auto name = Name::from_text(written.name);
      if (!name) {
        diagnostics_.error(written.at, "name '" + written.name + "': " + name.error().message);
      } else if (const auto zone = origins_.around(*name, Origins::From::itself)) {
        sources_[*zone].marks.push_back(
            {*name, PolicyNameId{static_cast<std::uint32_t>(i)}, written.at, types_of(written.value.families)});
      } else {
        diagnostics_.error(written.at, "name '" + written.name + "' lies in none of the zones");
      }
    }
  }

  [[nodiscard]] const std::vector<ZoneSource>& sources() const { return sources_; }
  // The zone that a zone lies in, if that is one of ours.
  [[nodiscard]] const ZoneSource* around(const ZoneSource& inner) const {
    const auto found = origins_.around(inner.origin, Origins::From::above);
    return found ? &sources_[*found] : nullptr;
  }

 private:
  static constexpr std::string_view kSuffix = ".zone";
  const Files& files_;
  Diagnostics& diagnostics_;
  std::vector<ZoneSource> sources_;
  Origins origins_;
};

ZoneFileSettings settings_over(const Files& files, const Config& config) {
  ZoneFileSettings settings;
  settings.signed_zones = config.signed_zones;
  settings.read_file = [&files](const std::filesystem::path& path) { return files.read(path, {}); };
  return settings;
}

void add(const Diagnostic& problem, Diagnostics& diagnostics) {
  if (problem.severity == Severity::error) {
    diagnostics.error(problem.at, problem.message);
  } else {
    diagnostics.warning(problem.at, problem.message);
  }
}

// Reads one zone with a start's care. Null: it is left out, or an error has been added.
class CarefulReader {
 public:
  CarefulReader(const ZoneNames& names, const Config& config, const Files& files, ZoneCare& care,
                Diagnostics& diagnostics)
      : names_(names), config_(config), files_(files), care_(care), diagnostics_(diagnostics) {}

  std::shared_ptr<const Zone> read(const ZoneSource& source) {
    Diagnostics found;
    auto zone = load_zone_file(source, settings_over(files_, config_), found);
    if (zone != nullptr) {
      for (const Diagnostic& warning : found.list()) add(warning, diagnostics_);
      return zone;
    }
    zone = from_copy(source);
    const ZoneSource* const outer = names_.around(source);
    const bool hopeless = zone == nullptr && (!care_.copy || is_copied(source) || outer != nullptr);
    for (const Diagnostic& problem : found.list()) {
      if (hopeless) add(problem, diagnostics_);
      if (!hopeless && problem.severity == Severity::error) care_.problems.push_back(problem);
    }
    if (hopeless && care_.copy && outer != nullptr) {
      diagnostics_.error(source.at, "zone " + source.origin.to_text() + " cannot be left out: " +
                                        outer->origin.to_text() + " would answer in its place");
    }
    if (!hopeless) (zone != nullptr ? care_.from_copy : care_.left_out).push_back(source.origin.to_text());
    return zone;
  }

 private:
  std::shared_ptr<const Zone> from_copy(const ZoneSource& source) const {
    if (!care_.copy) return nullptr;
    Diagnostics unsaid;
    return load_zone_file(source, settings_over(*care_.copy, config_), unsaid);
  }
  [[nodiscard]] bool is_copied(const ZoneSource& source) const {
    return care_.copy && care_.copy->read(source.file, {}).has_value();
  }

  const ZoneNames& names_;
  const Config& config_;
  const Files& files_;
  ZoneCare& care_;
  Diagnostics& diagnostics_;
};

// RFC 1982 section 3.2.
bool is_behind(std::uint32_t serial, std::uint32_t other) {
  return serial != other && static_cast<std::int32_t>(serial - other) < 0;
}

// Where the configuration names a zone; looked for only when there is something to say.
class ZonePlaces {
 public:
  explicit ZonePlaces(const Config& config) : config_(config) {}

  [[nodiscard]] Position of(const Zone& zone) {
    if (!origins_) read();
    if (const auto found = origins_->find(zone.apex())) return config_.zones[*found].at;
    return config_.zone_directory ? config_.zone_directory->at : Position{};
  }

 private:
  void read() {
    origins_.emplace();
    for (std::size_t i = 0; i < config_.zones.size(); ++i) {
      if (const auto origin = Name::from_text(config_.zones[i].name)) origins_->add(*origin, i);
    }
  }

  const Config& config_;
  std::optional<Origins> origins_;
};

}  // namespace

std::shared_ptr<const ZoneSet> load_zones(const Config& config, const Files& files, ZoneCare* care,
                                          Diagnostics& diagnostics) {
  ZoneNames names(files, diagnostics);
  names.add_all(config.zones);
  if (config.zone_directory) names.add_directory(*config.zone_directory);
  names.mark(config);
  const ZoneFileSettings settings = settings_over(files, config);
  std::vector<std::shared_ptr<const Zone>> zones;
  zones.reserve(names.sources().size());
  for (const ZoneSource& source : names.sources()) {
    auto zone = care == nullptr ? load_zone_file(source, settings, diagnostics)
                                : CarefulReader(names, config, files, *care, diagnostics).read(source);
    if (zone != nullptr || care == nullptr) zones.push_back(std::move(zone));
  }
  if (zones.empty() && care != nullptr) {
    for (const Diagnostic& problem : std::exchange(care->problems, {})) add(problem, diagnostics);
    care->left_out.clear();
  }
  if (diagnostics.failed()) return nullptr;
  return std::make_shared<const ZoneSet>(std::move(zones));
}

void warn_of_serials(const ZoneSet& before, const ZoneSet& after, const Config& config, Diagnostics& diagnostics) {
  ZonePlaces places(config);
  HashedName apex;
  for (const auto& zone : after.zones()) {
    apex.assign(zone->apex().wire());
    const Zone* const old = before.find(apex);
    if (old == nullptr || !(old->apex() == zone->apex()) || !is_behind(zone->serial(), old->serial())) continue;
    diagnostics.warning(places.of(*zone), "zone " + zone->apex().to_text() + ": the serial goes back from " +
                                              std::to_string(old->serial()) + " to " + std::to_string(zone->serial()) +
                                              ", secondaries will not follow");
  }
}

}  // namespace dns
