#pragma once
// build_pools(): the part of a world that changes without its file: pools, with the servers that the DNS names and the
// weights that an operator has set. build() uses it, and Control has the Builder repeat it when either changes.
// Builder's thread.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "edge/core/pool/live.h"
#include "edge/core/pool/pool.h"
#include "edge/core/pool/server_ids.h"
#include "edge/core/scale/scale_settings.h"
#include "edge/load/build_learned.h"
#include "edge/load/config.h"
#include "shared/core/ip.h"
#include "shared/load/diagnostics.h"

namespace edge {

// A server that a source names.
struct FoundServer {
  std::string host;            // the address as text, or the target of an SRV record
  std::uint16_t port = 0;      // not 0
  std::uint16_t weight = 1;    // of the SRV record, 0 to 65535: shares of its priority, fitted to kMaxWeight
  std::uint16_t priority = 0;  // of the SRV record
  std::vector<shared::IpAddress> addresses;  // of the host, at least one

  bool operator==(const FoundServer&) const = default;
};
using FoundServers = std::map<ServerSource, std::vector<FoundServer>>;

// The pools' own TLS, by pool. What is the same as before is the same object, so that connections are used again.
using PoolTlsFiles = std::map<std::string, std::shared_ptr<const shared::ClientTls>>;

// What pools keep over builds. The Builder's.
struct PoolRegistry {
  ServerIds ids;
  PoolTlsFiles tls;
  SessionLives sessions;
};

// What stands beside the file. A source without an entry has not been answered yet: it has no servers.
struct PoolInputs {
  std::map<std::pair<std::string, std::string>, std::uint16_t> weights{};  // of (pool, server), an operator's
  FoundServers found{};
  enum class TlsFiles : std::uint8_t { read, as_before };
  TlsFiles tls_files = TlsFiles::read;

  bool operator==(const PoolInputs&) const = default;
};

// A server whose host is a name: Control resolves it and publishes new Addresses.
struct NameToResolve {
  ServerId id{};
  std::string host;
  std::uint16_t port = 0;
};

// A server that is checked, by pool: the same address in two pools is two servers.
struct HealthTarget {
  ServerId id{};
  std::string pool;
  std::string server;  // its name
  std::string host;    // of requests, for a check that names none
  std::uint16_t port = 0;
  std::uint32_t degraded_share = kFullShare;
  std::vector<HealthCheck> checks;  // at least one
  std::optional<shared::ProxyVersion> proxy_protocol = std::nullopt;
  std::shared_ptr<const shared::ClientTls> tls = nullptr;  // of requests; null: plain
  std::optional<NumberRule> told = std::nullopt;           // a number that is kept of each answer: only its path counts
};

struct PoolParts {
  std::shared_ptr<const Pools> pools;
  std::shared_ptr<const Addresses> addresses;  // literal addresses only
  std::vector<NameToResolve> names;
  std::set<ServerSource> sources;  // to be followed
  std::vector<HealthTarget> health_targets;
  std::map<std::string, ScaleSettings> scaling;  // of pools that scale and have servers here, by name
  PoolSlot last_slot{};                          // Live::reserve() up to these before publishing
  std::optional<ServerId> last_server;
};

struct PoolPlace {
  std::string service;
  std::string region;
};

// Errors, as of ids that are used up, go to `diagnostics`.
[[nodiscard]] PoolParts build_pools(const EdgeConfig& edge, const PoolPlace& place, const PoolInputs& inputs,
                                    PoolRegistry& registry, shared::load::Diagnostics& diagnostics);

// The index of a pool by its name: the same before and after building.
[[nodiscard]] std::optional<PoolId> pool_id(const EdgeConfig& edge, std::string_view name);

}  // namespace edge
