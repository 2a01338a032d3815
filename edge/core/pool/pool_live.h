#pragma once
// PoolLive: what is true of a whole pool across workers and reloads. Part of Live, under the same rules.

#include <array>
#include <atomic>
#include <cstdint>

#include "edge/core/message/tier.h"
#include "edge/core/protect/retry_budget.h"

namespace edge {

// A pool keeps its slot by name over reloads.
enum class PoolSlot : std::uint32_t {};

struct alignas(64) PoolLive {
  std::atomic<std::uint32_t> in_flight{0};  // of all its servers; only where counts_in_flight()
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

  // Of pools that are bounded.
  std::atomic<std::uint32_t> capacity{0};  // capacity_of(), the control loop's; 0: no bound
  std::atomic<std::uint32_t> limit{0};     // AdaptiveLimit's, likewise; 0: nothing is known yet
  std::atomic<std::uint32_t> releases{0};  // places that were given back
  std::atomic<std::uint32_t> waiting{0};   // requests, in the queues of all workers
  std::array<std::atomic<std::uint32_t>, kMaxTiers> waiting_of_tier{};
  std::atomic<std::uint64_t> answers{0};    // whose time was measured, where the limit adapts
  std::atomic<std::uint64_t> answer_us{0};  // all of it
  std::atomic<std::uint32_t> floor_us{0};   // what AdaptiveLimit goes by
  std::atomic<std::uint32_t> mean_us{0};
  std::atomic<std::uint64_t> queued{0};
  std::atomic<std::uint64_t> queue_timeouts{0};
  std::atomic<std::uint64_t> pushed_out{0};     // of the queue, for others
  std::atomic<std::uint64_t> turned_away{0};    // no place, and no room in the queue
  std::atomic<std::uint64_t> shed{0};           // refused for their tier
  std::atomic<std::uint64_t> shed_shadowed{0};  // would have been
};

}  // namespace edge
