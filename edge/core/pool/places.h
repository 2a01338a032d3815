#pragma once
// Places: how many requests may be at a server, and at a pool, at a time. A place is taken before the request goes
// there, by compare-and-swap, so a bound is exact over all workers; the Visit gives it back. Only pools that are
// `bounded` ask here. Any thread.

#include <atomic>
#include <cstdint>
#include <string_view>

#include "edge/core/pool/live.h"
#include "edge/core/pool/pool.h"
#include "shared/core/time.h"

namespace edge {

[[nodiscard]] inline bool is_full(const Server& server, const ServerLive& live) {
  return server.max_in_flight != 0 && live.in_flight.load(std::memory_order_relaxed) >= server.max_in_flight;
}

// By the limit that was found for it; 0: none.
[[nodiscard]] inline std::uint32_t limit_of(const Pool& pool, const PoolLive& live) {
  return pool.adaptive.mode == shared::Mode::enforce ? live.limit.load(std::memory_order_relaxed) : 0;
}
[[nodiscard]] inline bool is_full(const Pool& pool, const PoolLive& live) {
  const std::uint32_t limit = limit_of(pool, live);
  return limit != 0 && live.in_flight.load(std::memory_order_relaxed) >= limit;
}

// Both places, or none. What is taken is counted in `in_flight` of both. REQUIRES: pool.bounded.
[[nodiscard]] bool take_place(const Pool& pool, const Server& server, Live& live);
void give_place_back(const Pool& pool, const Server& server, Live& live);

// What bounds a pool now, and how much of it is in use.
struct Capacity {
  std::uint32_t in_flight = 0;
  std::uint32_t places = 0;  // 0: it is not bounded, or nobody who is well is left
  std::string_view by{};     // "max_in_flight", "adaptive"; empty: nothing

  [[nodiscard]] double in_use() const {
    return places == 0 ? 0 : static_cast<double>(in_flight) / static_cast<double>(places);
  }
};
// Looks at all servers.
[[nodiscard]] Capacity capacity_of(const Pool& pool, const Addresses& addresses, const Live& live,
                                   shared::TimePoint now);

// The fullest of all pools; null when none is bounded.
struct FullestPool {
  const Pool* pool = nullptr;
  Capacity capacity;
};
[[nodiscard]] FullestPool fullest_of(const Pools& pools, const Addresses& addresses, const Live& live,
                                     shared::TimePoint now);

}  // namespace edge
