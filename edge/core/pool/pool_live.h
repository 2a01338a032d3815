#pragma once
// PoolLive: what is true of a whole pool across workers and reloads. Part of Live, under the same rules.

#include <atomic>
#include <cstdint>

#include "edge/core/protect/retry_budget.h"

namespace edge {

// A pool keeps its slot by name over reloads.
enum class PoolSlot : std::uint32_t {};

struct alignas(64) PoolLive {
  std::atomic<std::uint32_t> in_flight{0};  // of all its servers; counted only where the pool bounds its load
  RetryBudget budget;
  std::atomic<std::uint64_t> again{0};  // tries that were a retry or a hedge: not requests of clients
  std::atomic<std::uint64_t> retries{0};
  std::atomic<std::uint64_t> hedges{0};
  std::atomic<std::uint64_t> hedges_won{0};  // the second server answered first
  std::atomic<std::uint64_t> hedges_shadowed{0};
  std::atomic<std::uint64_t> budget_refusals{0};  // retries and hedges that the budget did not allow
  std::atomic<std::uint64_t> last_resorts{0};     // tries of servers that checks call down, for want of others
  std::atomic<std::uint64_t> breakers_held{0};    // failures that would have opened one too many
  std::atomic<bool> opening_breaker{false};       // a worker is about it
  std::atomic<bool> panic{false};                 // too few servers are eligible: all are used; the control loop's
};

}  // namespace edge
