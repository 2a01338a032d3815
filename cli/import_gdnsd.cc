#include "cli/import_gdnsd.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/gdnsd_config.h"
#include "cli/gdnsd_plugins.h"
#include "cli/gdnsd_zone.h"
#include "shared/load/file.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using shared::load::Diagnostics;
using shared::load::Node;
using shared::load::Position;

// Zone files are named after their zones, with `@` for a slash.
std::string zone_of(const fs::path& file) {
  std::string name = file.filename();
  std::replace(name.begin(), name.end(), '@', '/');
  while (!name.empty() && name.back() == '.') name.pop_back();
  return name;
}

std::vector<fs::path> zone_files(const fs::path& folder, Diagnostics& diagnostics) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (entry.is_regular_file() && !name.starts_with('.')) files.push_back(entry.path());
  }
  if (error) {
    diagnostics.error({std::make_shared<const std::string>(folder.string()), 0, 0}, "cannot read: " + error.message());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void note_options(const Node& config, ImportPlan& plan) {
  if (const Node* const options = config.find("options")) {
    std::string list;
    for (const Node& option : options->children) list += (list.empty() ? "" : ", ") + option.key;
    plan.lose(options->at, "options of the server (" + list + "): see man meridian.yaml");
  }
  for (const Node& section : config.children) {
    const std::set<std::string> known = {"options", "service_types", "plugins"};
    if (!known.contains(section.key)) plan.lose(section.key_at, section.key);
  }
}

// The database that the first map names, if it is there.
void use_database(const Node& config, const fs::path& folder, ImportPlan& plan) {
  const Node* node = &config;
  for (const char* key : {"plugins", "geoip", "maps"}) node = node == nullptr ? nullptr : node->find(key);
  if (node == nullptr || !plan.geo_database.empty()) return;
  for (const Node& map : node->children) {
    const Node* const database = map.find("geoip2_db");
    if (database == nullptr) continue;
    const fs::path path = fs::absolute(folder / "geoip" / database->text);
    std::error_code error;
    if (plan.geo_database.empty() && fs::exists(path, error)) plan.geo_database = path;
    if (plan.geo_database.empty()) plan.lose(database->at, "there is no database " + path.string());
  }
}

class Names {
 public:
  Names(GdnsdPlugins& plugins, ImportPlan& plan) : plugins_(plugins), plan_(plan) {}

  void add(const GdnsdDynamic& record) {
    const auto known = policies_.find(record.resource);
    if (known == policies_.end()) {
      auto steered = plugins_.steer(record.resource, record.at);
      if (!steered) return plan_.lose(record.at, record.name + " is left out");
      Policy policy{plan_.policy_name(record.resource), steered->one_answer};
      plan_.policies[policy.name] = std::move(steered->steps);
      policies_.emplace(record.resource, policy);
      return name(record, policy);
    }
    name(record, known->second);
  }

 private:
  struct Policy {
    std::string name;
    bool one_answer = false;
  };

  void name(const GdnsdDynamic& record, const Policy& policy) {
    ImportName out;
    out.name = record.name;
    out.policy = policy.name;
    out.one_answer = policy.one_answer;
    out.ttl_min = std::max<std::uint32_t>(record.ttl_min, 1);
    out.ttl_max = std::max<std::uint32_t>(record.ttl_max, 1);
    plan_.steer(std::move(out), record.at);
  }

  GdnsdPlugins& plugins_;
  ImportPlan& plan_;
  std::map<std::string, Policy> policies_;  // by resource
};

}  // namespace

void import_gdnsd(const std::string& folder, ImportPlan& plan, Diagnostics& diagnostics) {
  const fs::path root = folder;
  const auto config = read_gdnsd_config((root / "config").string(), diagnostics);
  if (!config) return;
  std::vector<GdnsdZoneFile> zones;
  for (const fs::path& file : zone_files(root / "zones", diagnostics)) {
    auto text = shared::load::read_file(file);
    if (!text) {
      diagnostics.error({std::make_shared<const std::string>(file.string()), 0, 0},
                        "cannot read: " + text.error().message);
      continue;
    }
    zones.push_back({file, std::move(*text)});
  }
  import_gdnsd(*config, root, zones, plan);
}

void import_gdnsd(const Node& config, const fs::path& folder, const std::vector<GdnsdZoneFile>& zones,
                  ImportPlan& plan) {
  note_options(config, plan);
  use_database(config, folder, plan);
  GdnsdPlugins plugins(config, folder, plan);
  Names names(plugins, plan);
  for (const GdnsdZoneFile& file : zones) {
    GdnsdZone zone = read_gdnsd_zone(file.text, file.path.string(), zone_of(file.path), plan);
    for (const GdnsdDynamic& record : zone.dynamic) names.add(record);
    plan.zones[zone_of(file.path)] = std::move(zone.plain);
  }
}

}  // namespace cli
