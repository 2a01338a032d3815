#pragma once
// build(): configuration + region + node -> the parts of a Snapshot, and the lists that Control works from: names to
// resolve, servers to check, addresses to listen on. Opens the key files of this region's edge. Builder's thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/core/live.h"
#include "edge/core/snapshot.h"
#include "edge/load/config.h"
#include "shared/core/ip.h"
#include "shared/load/config.h"
#include "shared/load/diagnostics.h"

namespace edge {

struct BuildInput {
  const shared::load::Config& config;
  const EdgeConfig& edge;
  std::string region;          // REQUIRES: one of config.regions
  shared::IpAddress node;      // this edge's own address
  std::uint64_t key_seed = 0;  // of the API key table: fresh for each process
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
  std::string server;  // as configured
  std::string host;    // address or name, without brackets
  std::uint16_t port = 0;
  HealthCheck check;
};

struct Built {
  std::shared_ptr<const Settings> settings;
  std::shared_ptr<const RouteTable> routes;
  std::shared_ptr<const Pools> pools;
  std::shared_ptr<const Addresses> addresses;  // literal addresses only
  std::shared_ptr<const Tiers> tiers;
  std::vector<NameToResolve> names;
  std::vector<HealthTarget> health_targets;
  std::vector<shared::Endpoint> listen;
  std::optional<ServerId> last_server;  // Live::reserve() up to it before publishing

  [[nodiscard]] Snapshot snapshot(std::uint64_t generation) const;
};

// Nothing, and at least one error in `diagnostics`, when it fails. `ids` keeps ids by name over builds.
[[nodiscard]] std::optional<Built> build(const BuildInput& input, ServerIds& ids,
                                         shared::load::Diagnostics& diagnostics);

}  // namespace edge
