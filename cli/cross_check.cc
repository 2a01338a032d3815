#include "cli/cross_check.h"

#include <pwd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

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

// The protocols of one HTTPS record's data (RFC 9460 section 2.2, 7.1.1): a priority, a name, parameters in order of
// their keys. It was read from a zone file, so it is well formed; what is cut off has no more of them.
std::vector<std::string> alpn_of(std::span<const std::uint8_t> data) {
  constexpr std::uint16_t alpn = 1;
  std::size_t at = 2;
  while (at < data.size() && data[at] != 0) at += data[at] + 1U;
  for (++at; at + 4 <= data.size();) {
    const std::uint16_t key = dns::load_u16(&data[at]);
    const std::size_t size = dns::load_u16(&data[at + 2]);
    at += 4;
    if (at + size > data.size()) break;
    std::vector<std::string> protocols;
    for (std::size_t i = at; key == alpn && i < at + size; i += data[i] + 1U) {
      protocols.emplace_back(reinterpret_cast<const char*>(&data[i + 1]),
                             std::min<std::size_t>(data[i], at + size - i - 1));
    }
    if (key == alpn) return protocols;
    at += size;
  }
  return {};
}

std::set<std::string> advertised(const dns::ZoneSet& zones, const std::string& name) {
  std::set<std::string> out;
  const auto parsed = dns::Name::from_text(name);
  if (!parsed) return out;
  dns::HashedName hashed;
  hashed.assign(parsed->wire());
  const dns::Zone* const zone = zones.find(hashed);
  if (zone == nullptr) return out;
  const dns::Match match = zone->match(hashed);
  if (match.kind != dns::Match::Kind::exact && match.kind != dns::Match::Kind::wildcard) return out;
  const dns::Rrset set = match.node.find(dns::RrType::https);
  constexpr std::size_t head = 12;  // C0 0C, type, class, TTL, length
  std::span<const std::uint8_t> wire = set.wire;
  for (unsigned i = 0; i < set.count && wire.size() >= head; ++i) {
    const std::size_t size = std::min<std::size_t>(dns::load_u16(&wire[head - 2]), wire.size() - head);
    for (std::string& protocol : alpn_of(wire.subspan(head, size))) out.insert(std::move(protocol));
    wire = wire.subspan(head + size);
  }
  return out;
}

// What clients can be spoken to in; a listener that only passes bytes on may speak anything.
bool may_speak(const edge::EdgeConfig& edge, std::string_view protocol) {
  using edge::Protocol;
  return std::ranges::any_of(edge.listen, [protocol](const edge::ListenConfig& listen) {
    if (protocol == "h3") return listen.protocol == Protocol::udp;
    if (listen.protocol == Protocol::tcp) return true;
    return listen.protocol == Protocol::https || (protocol == "http/1.1" && listen.protocol == Protocol::http);
  });
}

}  // namespace

void check_alpn(const edge::EdgeConfig& edge, const dns::World& world, Diagnostics& diagnostics) {
  for (const auto& name : world.config.names) {
    for (const std::string& protocol : advertised(*world.zones, name.name)) {
      if (may_speak(edge, protocol)) continue;
      const bool h2 = protocol == "h2";
      diagnostics.warning(
          name.at, "the HTTPS record of " + name.name + " advertises alpn=" + protocol +
                       ", which no listener of edge.listen speaks" +
                       (h2 ? ": give one protocol: https, or take it out of the zone" : ": take it out of the zone"));
    }
  }
}

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
