#pragma once
// RetryBudget: how many retries and hedges a pool may send, so that trouble is not multiplied: a share of its requests
// plus a few a second, as they were over about the last ten seconds. The requests are counted by the servers anyway, so
// a request that is not retried costs nothing here. Lives in Live, shared by all workers: relaxed atomics, no lock; a
// race between two refills can misplace a few tokens, never make them negative for long or without bound. Any thread.

#include <atomic>
#include <cstdint>

#include "shared/core/time.h"

namespace edge {

struct RetryBudgetSettings {
  double share = 0.2;      // retries for each request
  double min_rate = 10.0;  // a second, however few requests there are
};

class RetryBudget {
 public:
  static constexpr shared::milliseconds kWindow{10000};

  // One retry. `requests`: all that the pool's servers were ever sent, without those that were retries.
  [[nodiscard]] bool spend(const RetryBudgetSettings& settings, std::uint64_t requests, shared::TimePoint now);
  // Retries left, as of the last refill; for /status.
  [[nodiscard]] std::int64_t left() const;

 private:
  void refill(const RetryBudgetSettings& settings, std::uint64_t requests, shared::TimePoint now);

  std::atomic<std::int64_t> refilled_{0};  // milliseconds of the steady clock; 0: never
  std::atomic<std::uint64_t> seen_{0};     // `requests` at the last refill
  std::atomic<std::int64_t> tokens_{0};    // thousandths of a retry
};

}  // namespace edge
