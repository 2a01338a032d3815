#include "edge/core/protect/retry_budget.h"

#include <algorithm>

namespace edge {
namespace {

constexpr shared::milliseconds kTick{16};
constexpr std::uint32_t kOne = 1000;
constexpr double kMost = 4e9;  // thousandths: what fits

struct State {
  std::uint32_t tick;  // wraps after two years; 0: never
  std::uint32_t left;
};

constexpr State unpack(std::uint64_t word) {
  return {.tick = static_cast<std::uint32_t>(word >> 32), .left = static_cast<std::uint32_t>(word)};
}
constexpr std::uint64_t pack(State state) { return std::uint64_t{state.tick} << 32 | state.left; }

std::uint32_t tick_at(shared::TimePoint t) {
  return std::max(1U, static_cast<std::uint32_t>(t.time_since_epoch() / kTick));
}

// What is left after `fresh` requests in `span` milliseconds. What was left before fades with the window, so that a
// quiet day does not pay for a storm.
std::uint32_t earned(const RetryBudgetSettings& settings, std::uint32_t left, double fresh, double span) {
  const double window = static_cast<double>(RetryBudget::kWindow.count());
  const double in_window = std::min(span, window);
  const double more = settings.share * fresh * (in_window / span) + settings.min_rate * in_window / 1000.0;
  return static_cast<std::uint32_t>(std::min(kMost, left * (1.0 - in_window / window) + more * kOne + 0.5));
}

}  // namespace

bool RetryBudget::due(shared::TimePoint now) const {
  return unpack(state_.load(std::memory_order_relaxed)).tick != tick_at(now);
}

void RetryBudget::earn(const RetryBudgetSettings& settings, std::uint64_t requests, shared::TimePoint now) {
  const std::uint32_t tick = tick_at(now);
  std::uint64_t word = state_.load(std::memory_order_relaxed);
  State next{};
  do {
    const State state = unpack(word);
    if (state.tick != 0 && static_cast<std::int32_t>(tick - state.tick) <= 0) return;  // another worker was here
    // The first time, all requests so far and a whole window count.
    const std::uint64_t seen = state.tick == 0 ? 0 : seen_.load(std::memory_order_relaxed);
    const double span = static_cast<double>(state.tick == 0 ? kWindow.count() : (tick - state.tick) * kTick.count());
    const double fresh = requests > seen ? static_cast<double>(requests - seen) : 0.0;
    next = {.tick = tick, .left = earned(settings, state.left, fresh, span)};
  } while (!state_.compare_exchange_weak(word, pack(next), std::memory_order_relaxed));
  seen_.store(requests, std::memory_order_relaxed);
}

bool RetryBudget::spend() {
  std::uint64_t word = state_.load(std::memory_order_relaxed);
  do {
    if (unpack(word).left < kOne) return false;
  } while (!state_.compare_exchange_weak(word, word - kOne, std::memory_order_relaxed));
  return true;
}

}  // namespace edge
