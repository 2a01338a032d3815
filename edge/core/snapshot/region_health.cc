#include "edge/core/snapshot/region_health.h"

#include <algorithm>

#include "shared/core/edge_report.h"

namespace edge {

std::string_view name_of(RegionHealth::Reason reason) {
  switch (reason) {
    case RegionHealth::Reason::up:
      return "up";
    case RegionHealth::Reason::draining:
      return "draining";
    case RegionHealth::Reason::critical_pool:
      return shared::kCriticalPoolDown;
    case RegionHealth::Reason::all_pools:
      return shared::kAllPoolsDown;
  }
  return "";
}

std::string words_of(const RegionHealth& health) {
  return shared::words_of_reason(name_of(health.reason), health.pool);
}

bool known_up(const Pool& pool, const Server& server, const Addresses& addresses, const Live& live) {
  if (addresses.of(server.id).empty()) return false;
  const shared::HealthState state = live.server(server.id).state.health();
  return state == shared::HealthState::up || state == shared::HealthState::degraded ||
         (pool.checks.empty() && state != shared::HealthState::down);
}

RegionHealth regional_health(const Snapshot& snapshot, const Live& live) {
  if (live.draining.load(std::memory_order_relaxed)) return {RegionHealth::Reason::draining, {}};
  const Pools& pools = *snapshot.pools;
  bool any = pools.all().empty();  // an edge that only responds and redirects needs no server
  for (const Pool& configured : pools.all()) {
    const Pool& pool = pools.effective(configured.id);
    const bool up = std::any_of(pool.servers.begin(), pool.servers.end(), [&](const Server& server) {
      return known_up(pool, server, *snapshot.addresses, live);
    });
    if (!up && configured.critical) return {RegionHealth::Reason::critical_pool, configured.name};
    any = any || up;
  }
  if (!any) return {RegionHealth::Reason::all_pools, {}};
  return {};
}

}  // namespace edge
