#pragma once
// build(): configuration + region + node -> the parts of a Snapshot, and the lists that Control works from: names to
// resolve, servers to check, addresses to listen on. Opens the key files of this region's edge. Builder's thread.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/core/pool/server_ids.h"
#include "edge/core/protect/connection_bound.h"
#include "edge/core/route/mirror_rule.h"
#include "edge/core/snapshot/listen_plan.h"
#include "edge/core/snapshot/snapshot.h"
#include "edge/load/build_pools.h"
#include "edge/load/config.h"
#include "edge/load/otlp.h"
#include "edge/load/redis_settings.h"
#include "edge/load/scaler.h"
#include "shared/core/ip.h"
#include "shared/load/config.h"
#include "shared/load/diagnostics.h"

namespace edge {

struct BuildInput {
  const shared::load::Config& config;
  const EdgeConfig& edge;
  std::string region;          // REQUIRES: one of config.regions
  shared::IpAddress node;      // this edge's own address
  std::uint64_t key_seed = 0;  // of API keys and limits: fresh for each process
  PoolInputs inputs = {};
};

// What stands under the protocol of an address.
struct TlsPlan {
  std::size_t index = 0;                     // in the configuration
  std::vector<shared::load::TlsHost> hosts;  // empty: nothing
  bool strict_names = false;
  std::vector<std::string> alpn;  // empty: nothing is agreed on
};

struct Built {
  std::shared_ptr<const Settings> settings;
  std::shared_ptr<const RouteTable> routes;
  PoolParts servers;
  std::shared_ptr<const Tiers> tiers;
  std::shared_ptr<const PoolListeners> listeners;
  std::shared_ptr<const RateLimits> limits;
  std::shared_ptr<const RedisSettings> redis;  // null: none
  std::shared_ptr<const AccessLists> access;
  std::shared_ptr<const AuthPolicies> auth;
  std::vector<ListenPlan> listen;
  std::vector<TlsPlan> tls;              // of those that speak it
  std::vector<std::string> ticket_keys;  // of a file; empty: random ones
  ScalerPlan scaler;
  std::optional<OtlpPlan> otlp;  // none: spans are not told

  [[nodiscard]] Snapshot snapshot(std::uint64_t generation) const;
};

// Reads the files of certificates and ticket keys anew into `built`, which has an address for each that listens.
void read_tls(const EdgeConfig& edge, Built& built, shared::load::Diagnostics& diagnostics);

// What keeps its name over builds. The Builder's.
struct Registry {
  PoolRegistry pools;
  LimitLives limits;
  AccessLives access;
  AuthLives auth;
  std::map<std::string, std::shared_ptr<MirrorLive>> mirrors;            // by route
  std::map<std::string, std::shared_ptr<ConnectionCounts>> connections;  // by listener
};

// Builds anew, into `built`, what the files of tiers, access lists and the like are read for.
void read_rules(const BuildInput& input, Registry& registry, Built& built, shared::load::Diagnostics& diagnostics);

// Nothing, and at least one error in `diagnostics`, when it fails.
[[nodiscard]] std::optional<Built> build(const BuildInput& input, Registry& registry,
                                         shared::load::Diagnostics& diagnostics);

}  // namespace edge
