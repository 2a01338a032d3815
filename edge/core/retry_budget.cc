#include "edge/core/retry_budget.h"

#include <algorithm>

namespace edge {
namespace {

constexpr std::int64_t kWhole = 1000;
constexpr std::int64_t kRefillEvery = 20;  // ms

}  // namespace

void RetryBudget::refill(const RetryBudgetSettings& settings, std::uint64_t requests, shared::TimePoint now) {
  const std::int64_t at = std::max<std::int64_t>(1, now.time_since_epoch() / shared::milliseconds(1));
  std::int64_t last = refilled_.load(std::memory_order_relaxed);
  if (last != 0 && at < last + kRefillEvery) return;
  if (!refilled_.compare_exchange_strong(last, at, std::memory_order_relaxed)) return;
  const std::uint64_t seen = seen_.exchange(requests, std::memory_order_relaxed);
  const double window = static_cast<double>(kWindow.count());
  // The first time, all requests so far and a whole window count.
  const double span = last == 0 ? window : static_cast<double>(at - last);
  const double in_window = std::min(span, window);
  const double fresh = requests > seen ? static_cast<double>(requests - seen) * (in_window / span) : 0.0;
  const double earned = settings.share * fresh + settings.min_rate * in_window / 1000.0;
  // What was left fades with the window, so that a quiet day does not pay for a storm.
  const std::int64_t left = std::max<std::int64_t>(0, tokens_.load(std::memory_order_relaxed));
  const auto faded = static_cast<std::int64_t>(static_cast<double>(left) * in_window / window);
  tokens_.fetch_add(static_cast<std::int64_t>(earned * kWhole) - faded, std::memory_order_relaxed);
}

bool RetryBudget::spend(const RetryBudgetSettings& settings, std::uint64_t requests, shared::TimePoint now) {
  refill(settings, requests, now);
  if (tokens_.fetch_sub(kWhole, std::memory_order_relaxed) >= kWhole) return true;
  tokens_.fetch_add(kWhole, std::memory_order_relaxed);
  return false;
}

std::int64_t RetryBudget::left() const {
  return std::max<std::int64_t>(0, tokens_.load(std::memory_order_relaxed) / kWhole);
}

}  // namespace edge
