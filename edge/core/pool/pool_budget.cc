#include "edge/core/pool/pool_budget.h"

#include <algorithm>

namespace edge {

std::uint64_t requests_of(const Pool& pool, const Live& live) {
  std::uint64_t requests = 0;
  for (const Server& server : pool.servers) {
    requests += live.server(server.id).requests.load(std::memory_order_relaxed);
  }
  return requests - std::min(requests, live.pool(pool.slot).again.load(std::memory_order_relaxed));
}

void earn(const Pool& pool, Live& live, shared::TimePoint now) {
  RetryBudget& budget = live.pool(pool.slot).budget;
  if (budget.due(now)) budget.earn(pool.retry.budget(), requests_of(pool, live), now);
}

bool spend(const Pool& pool, Live& live, shared::TimePoint now) {
  PoolLive& its = live.pool(pool.slot);
  earn(pool, live, now);
  if (its.budget.spend()) return true;
  its.budget_refusals.fetch_add(1, std::memory_order_relaxed);
  return false;
}

}  // namespace edge
