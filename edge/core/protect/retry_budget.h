#pragma once
// RetryBudget: how many retries and hedges a pool may send, so that trouble is not multiplied: a share of its requests
// plus a few a second, as they were over about the last ten seconds. The requests are counted by the servers anyway, so
// a request that is not retried costs nothing here (pool_budget.h). Lives in Live, shared by all workers, without a
// lock: what is left and when it was earned change in one word, so that no worker meets a budget that another is about
// to fill. Any thread.

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

  // Whether earn() would change anything: it does so at most every 16 ms, and counting the requests has its price.
  [[nodiscard]] bool due(shared::TimePoint now) const;
  // `requests`: all that the pool's servers were ever sent, without those that were retries.
  void earn(const RetryBudgetSettings& settings, std::uint64_t requests, shared::TimePoint now);
  // One retry; false: the budget is used up.
  [[nodiscard]] bool spend();

 private:
  std::atomic<std::uint64_t> state_{0};  // the tick when it last earned (0: never), and thousandths of a retry
  std::atomic<std::uint64_t> seen_{0};   // `requests` then
};

}  // namespace edge
