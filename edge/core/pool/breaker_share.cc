#include "edge/core/pool/breaker_share.h"

#include <algorithm>

namespace edge {
namespace {

bool room_for_one(const Pool& pool, const Live& live, shared::TimePoint now) {
  const auto open = std::ranges::count_if(pool.servers, [&](const Server& server) {
    return live.server(server.id).breaker.state_at(pool.breaker, now) != BreakerState::closed;
  });
  const double most = pool.breaker.max_opened * static_cast<double>(pool.servers.size());
  return static_cast<std::size_t>(open) < static_cast<std::size_t>(most);
}

}  // namespace

// The flag keeps two workers from taking the last place at the same time: who comes second does not wait for it.
BreakerChange open_breaker(const Pool& pool, const Server& server, Live& live, shared::TimePoint now,
                           std::uint64_t seed) {
  PoolLive& whole = live.pool(pool.slot);
  if (whole.opening_breaker.exchange(true, std::memory_order_acquire)) return BreakerChange::none;
  auto change = BreakerChange::none;
  if (room_for_one(pool, live, now)) {
    ServerLive& one = live.server(server.id);
    change = one.breaker.open(pool.breaker, now, seed, one.state);
  } else {
    whole.breakers_held.fetch_add(1, std::memory_order_relaxed);
  }
  whole.opening_breaker.store(false, std::memory_order_release);
  return change;
}

}  // namespace edge
