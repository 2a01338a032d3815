#pragma once
// Config: the sections that both servers read: service, regions, health, admin, state_directory, log. `dns` and `edge`
// stay unread Nodes here; the role that owns one reads it with its own table (dns/load/config/config.h,
// edge/load/config.h). Value type; made by start, reload and `meridian check`, immutable after.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/health.h"
#include "shared/core/ip.h"
#include "shared/core/mode.h"
#include "shared/core/time.h"
#include "shared/load/listen_address.h"
#include "shared/load/table.h"
#include "shared/load/yaml.h"

namespace shared::load {

struct Location {
  double latitude = 0;   // degrees, north positive
  double longitude = 0;  // degrees, east positive
};

[[nodiscard]] Reader<Location> location();                             // [53.35, -6.26]
[[nodiscard]] Reader<std::vector<Located<Endpoint>>> resolver_list();  // ADDRESS:PORT, one or several

enum class ProbeKind : std::uint8_t { http, https, tcp };

// How every DNS node probes every edge.
struct EdgeHealth {
  ProbeKind kind = ProbeKind::http;
  std::uint16_t port = 0;  // 0: 80, or 443 for https
  std::string host;        // Host header and SNI; empty: the edge's address
  std::string path = "/.meridian/health";
  Duration interval = seconds(2);
  Duration timeout = seconds(1);
  std::uint16_t fall = HealthSettings{}.fall;
  std::uint16_t rise = HealthSettings{}.rise;
  Duration hold_down = HoldDownSettings{}.first;  // zero: never
  Duration hold_down_max = HoldDownSettings{}.longest;

  [[nodiscard]] std::uint16_t effective_port() const;
  [[nodiscard]] HealthSettings settings() const { return {fall, rise}; }
};

// How a region that is somebody else's platform is probed; `fall` and `rise` are those of health.edge.
struct CnameProbe {
  std::vector<Located<IpAddress>> addresses;
  ProbeKind kind = ProbeKind::https;
  std::uint16_t port = 0;  // 0: 80, or 443 for https
  std::string host;        // Host header and SNI; empty: the region's cname
  std::string path = "/";
  Duration interval = seconds(10);
  Duration timeout = seconds(3);
};

struct Region {
  std::optional<Location> location;
  std::vector<Located<IpAddress>> edges;
  std::optional<Located<std::string>> cname;  // in place of edges: clients are sent to this name
  std::optional<CnameProbe> probe;            // of a cname
  Position at;

  // What is probed: the edges, or the addresses that the probe of a cname names.
  [[nodiscard]] const std::vector<Located<IpAddress>>& probed() const { return probe ? probe->addresses : edges; }
  // How, if not as health.edge says.
  [[nodiscard]] std::optional<EdgeHealth> probed_by() const;
};

struct Health {
  EdgeHealth edge;
  Duration start_wait = milliseconds(500);
  Duration isolation_hold = seconds(60);
};

// Where the admin port of each role listens besides the Unix socket in its folder of the state directory.
struct Admin {
  std::vector<Located<ListenAddress>> dns;
  std::vector<Located<ListenAddress>> edge;
  std::optional<Located<std::filesystem::path>> key;
  std::string key_text;  // what stands in the file: load_config() and load_key() read it
};

// Listeners that show /metrics alone.
struct Metrics {
  std::vector<Located<ListenAddress>> dns;
  std::vector<Located<ListenAddress>> edge;
  std::vector<Prefix> allow;
  Metrics();  // loopback
};

enum class LogLevel : std::uint8_t { debug, info, warn, error };
[[nodiscard]] std::string_view to_string(LogLevel level);

struct Log {
  LogLevel level = LogLevel::info;
};

struct Config {
  std::string service;
  NamedMap<Region> regions;
  Health health;
  Admin admin;
  Metrics metrics;
  std::filesystem::path state_directory = "/var/lib/meridian";
  std::string user;  // empty: who starts it
  Mode system_calls = Mode::enforce;
  Log log;
  std::uint64_t hash = 0;  // of all that is written in the file and its includes; load_config() makes it
  std::string node;        // of `dns.nodes`, whose values `dns` has; load_config() chooses it; empty: there are none
  std::optional<Node> dns;
  std::optional<Node> edge;
};

[[nodiscard]] const Table<Config>& config_table();

// Reads and checks the common sections of a document; problems go to `diagnostics`, the rest holds defaults.
[[nodiscard]] Config read_config(const Node& document, Diagnostics& diagnostics);

// Who reads a configuration: what only the other role reads may hold variables that are not set here.
enum class Role : std::uint8_t { both, dns, edge };

// How the programs of a role read: with the process's own environment.
[[nodiscard]] YamlSettings settings_for(Role role);

// The file and its includes, read and checked as above, and the admin port's key. Null when the file could not be read
// as YAML at all.
[[nodiscard]] std::optional<Config> load_config(const std::string& path, const YamlSettings& settings,
                                                Diagnostics& diagnostics);

// The same but for the key, which nobody needs for what the sections say.
[[nodiscard]] std::optional<Config> load_sections(const std::string& path, const YamlSettings& settings,
                                                  Diagnostics& diagnostics);

// The key from the file that `config` names.
void load_key(Config& config, Diagnostics& diagnostics);

// The region that has this edge address: its index in `regions`.
[[nodiscard]] std::optional<std::size_t> region_of_edge(const Config& config, const IpAddress& address);

// Each process's own folder for what survives a restart, so that several on one machine can share the file:
// STATE_DIRECTORY/dns, STATE_DIRECTORY/edge-192.0.2.11. The caller makes them.
[[nodiscard]] std::filesystem::path dns_state_directory(const Config& config);
[[nodiscard]] std::filesystem::path edge_state_directory(const Config& config, const IpAddress& node);
// The admin port's Unix socket in such a folder.
inline constexpr std::string_view kAdminSocket = "admin.sock";

}  // namespace shared::load
