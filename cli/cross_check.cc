#include "cli/cross_check.h"

#include <pwd.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "dns/core/wire/name.h"

namespace cli {
namespace {

using shared::load::Diagnostics;

// The zone of ours in which the host would have to be and is not; null: it is there, or not ours to know.
const dns::Zone* zone_without(const dns::ZoneSet& zones, const std::string& host) {
  const auto name = dns::Name::from_text(host);
  if (!name) return nullptr;
  dns::HashedName hashed;
  hashed.assign(name->wire());
  const dns::Zone* zone = zones.find(hashed);
  return zone != nullptr && zone->match(hashed).kind == dns::Match::Kind::missing ? zone : nullptr;
}

bool is_folder(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

}  // namespace

void check_hosts(const edge::EdgeConfig& edge, const dns::ZoneSet& zones, Diagnostics& diagnostics) {
  for (const edge::RouteConfig& route : edge.routes) {
    if (route.host.empty() || route.host.starts_with("*.")) continue;
    const dns::Zone* zone = zone_without(zones, route.host);
    if (zone == nullptr) continue;
    diagnostics.warning(route.at, "host: zone " + zone->apex().to_text() + " has no name '" + route.host +
                                      "': nobody is sent to this route by it");
  }
}

void check_machine(const shared::load::Config& config, const edge::EdgeConfig* edge, Diagnostics& diagnostics) {
  const shared::load::Position whole =
      config.regions.empty() ? shared::load::Position{} : shared::load::Position{config.regions.front().at.file, 0, 0};
  if (!config.user.empty() && getpwnam(config.user.c_str()) == nullptr) {
    diagnostics.warning(whole,
                        "user: this machine has no user '" + config.user + "', and a server could not start here");
  }
  if (edge == nullptr || edge->access_log.empty()) return;
  const std::filesystem::path folder = edge->access_log.parent_path();
  if (folder.empty() || is_folder(folder)) return;
  diagnostics.warning(
      whole, "access_log: this machine has no folder " + folder.string() + ", and an edge could not start here");
}

}  // namespace cli
