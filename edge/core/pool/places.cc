#include "edge/core/pool/places.h"

#include <algorithm>

namespace edge {
namespace {

// `most` of 0: no bound.
bool take(std::atomic<std::uint32_t>& in_flight, std::uint32_t most) {
  if (most == 0) {
    in_flight.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  std::uint32_t before = in_flight.load(std::memory_order_relaxed);
  while (before < most) {
    if (in_flight.compare_exchange_weak(before, before + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

}  // namespace

bool take_place(const Pool& pool, const Server& server, Live& live) {
  PoolLive& of_pool = live.pool(pool.slot);
  if (!take(of_pool.in_flight, limit_of(pool, of_pool))) return false;
  if (take(live.server(server.id).in_flight, server.max_in_flight)) return true;
  of_pool.in_flight.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void give_place_back(const Pool& pool, const Server& server, Live& live) {
  live.server(server.id).in_flight.fetch_sub(1, std::memory_order_relaxed);
  PoolLive& of_pool = live.pool(pool.slot);
  of_pool.in_flight.fetch_sub(1, std::memory_order_relaxed);
  of_pool.releases.fetch_add(1, std::memory_order_release);
}

Capacity capacity_of(const Pool& pool, const Addresses& addresses, const Live& live, shared::TimePoint now) {
  const PoolLive& of_pool = live.pool(pool.slot);
  Capacity capacity{.in_flight = of_pool.in_flight.load(std::memory_order_relaxed)};
  if (!pool.bounded) return capacity;
  std::uint64_t places = 0;
  bool all_bounded = true;
  for (const Server& server : pool.servers) {
    const bool well =
        !addresses.of(server.id).empty() && standing_of(live.server(server.id).state, pool.slow_start, now).allowed();
    if (!well) continue;
    places += server.max_in_flight;
    all_bounded = all_bounded && server.max_in_flight != 0;
  }
  if (all_bounded && places != 0) {
    capacity.places = static_cast<std::uint32_t>(std::min<std::uint64_t>(places, UINT32_MAX));
    capacity.by = "max_in_flight";
  }
  const std::uint32_t limit = limit_of(pool, of_pool);
  if (limit != 0 && (capacity.places == 0 || limit < capacity.places)) {
    capacity.places = limit;
    capacity.by = "adaptive";
  }
  return capacity;
}

FullestPool fullest_of(const Pools& pools, const Addresses& addresses, const Live& live, shared::TimePoint now) {
  FullestPool fullest;
  for (const Pool& pool : pools.all()) {
    if (!pool.bounded) continue;
    const Capacity capacity = capacity_of(pool, addresses, live, now);
    if (fullest.pool == nullptr || capacity.in_use() > fullest.capacity.in_use()) fullest = {&pool, capacity};
  }
  return fullest;
}

}  // namespace edge
