#pragma once
// regional_health(): what `/.meridian/health` tells the DNS tier. The region is down for DNS when this edge drains,
// when a critical pool has no server here that is known to be up, or when no pool has one. A server that is checked and
// whose first check is still out does not count yet: traffic may try it, but nobody is sent here because of it. Any
// thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "edge/core/pool/live.h"
#include "edge/core/snapshot/snapshot.h"

namespace edge {

struct RegionHealth {
  enum class Reason : std::uint8_t { up, draining, critical_pool, all_pools };
  Reason reason = Reason::up;
  std::string_view pool;  // the critical pool; a view into the snapshot

  [[nodiscard]] bool up() const { return reason == Reason::up; }
};
[[nodiscard]] std::string_view name_of(RegionHealth::Reason reason);  // "up", "draining", "critical_pool_down" ...

[[nodiscard]] std::string words_of(const RegionHealth& health);  // "critical pool web is empty", "draining", "up"

[[nodiscard]] RegionHealth regional_health(const Snapshot& snapshot, const Live& live);

// Known to be up: has an address, and its check passed or it has none.
[[nodiscard]] bool known_up(const Pool& pool, const Server& server, const Addresses& addresses, const Live& live);

}  // namespace edge
