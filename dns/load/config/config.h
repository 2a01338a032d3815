#pragma once
// Config: the `dns` section of the configuration, as it is written. Read by its field table; what more than one option
// decides is checked here, what needs files in dns/load/world/world.h. Value type; made by start, reload and `meridian
// check`.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dns/core/answer/response_cells.h"
#include "dns/core/answer/snapshot.h"
#include "dns/load/config/signed_zones.h"
#include "dns/load/geo/policies.h"
#include "shared/core/ip.h"
#include "shared/core/mode.h"
#include "shared/core/time.h"
#include "shared/load/client_tls.h"
#include "shared/load/config.h"
#include "shared/load/dns_nodes.h"
#include "shared/load/table.h"
#include "shared/load/tls_hosts.h"

namespace dns {

struct TcpConfig {
  shared::Duration idle_timeout = shared::seconds(10);
  std::uint32_t max_connections = 10'000;  // of the process
  std::uint32_t max_per_client = 1000;     // of the process, of one IPv4 address or IPv6 /56
};

// DNS over TLS.
struct TlsConfig {
  std::vector<shared::load::Located<shared::Endpoint>> listen;
  std::vector<shared::load::CertificateConfig> certificates;
  std::optional<shared::load::Located<std::filesystem::path>> ticket_keys;  // absent: random ones for each process
};

struct CookieConfig {
  bool enabled = true;
  std::optional<shared::load::Located<std::filesystem::path>> secrets;  // absent: a random one for each process
};

struct RateLimitConfig {
  shared::Mode mode = shared::Mode::shadow;  // a snapshot without a configuration limits nothing
  shared::load::Rate rate{1e6 / RateLimit().interval_us};
  std::uint32_t slip = RateLimit().slip;
};

struct Config {
  shared::load::DnsNodes nodes;  // this one's values are in place: shared/load/dns_nodes.h
  std::vector<shared::load::Located<shared::Endpoint>> listen;
  std::optional<std::uint16_t> workers;  // absent: one for each core
  shared::load::NamedMap<std::filesystem::path> zones;
  std::optional<shared::load::Located<std::filesystem::path>> zone_directory;
  SignedZones signed_zones = SignedZones::refuse;
  std::string nsid;
  std::string version;
  std::uint64_t udp_payload_size = Snapshot().udp_payload_size;  // octets
  TcpConfig tcp;
  std::optional<TlsConfig> tls;
  std::optional<shared::load::ClientTlsConfig> probe_tls;
  std::vector<shared::load::Located<shared::Endpoint>> resolvers;  // empty: those of /etc/resolv.conf
  CookieConfig cookies;
  RateLimitConfig rate_limit;
  GeoConfig geo;
  shared::load::NamedMap<PolicyConfig> policies;
  shared::load::NamedMap<NameConfig> names;

  Config();
  [[nodiscard]] SteeringConfig steering() const { return {geo, policies, names}; }
};

[[nodiscard]] const shared::load::Table<Config>& config_table();

// Reads the `dns` section of a configuration; that there is none is an error.
[[nodiscard]] Config read_config(const shared::load::Config& common, shared::load::Diagnostics& diagnostics);

}  // namespace dns
