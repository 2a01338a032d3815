#pragma once
// Eligibility: may a server get the next request, and what share of its weight? Everything that speaks for or against
// one stands in one word, so that a pick reads one atomic for each server it looks at, and standing_of() is the only
// place that knows the order of precedence. Each part has one writer at a time (health and drain: Control; ejection and
// breaker: whoever decides them); setters change their own part and leave the others. Any thread; relaxed: the word
// guards no other memory.

#include <atomic>
#include <cstdint>
#include <string_view>

#include "shared/core/health.h"
#include "shared/core/time.h"

namespace edge {

enum class BreakerState : std::uint8_t {
  closed,
  open,       // nothing is sent
  half_open,  // a probe may be sent
  probing,    // half-open, and all probes are out: nothing more is sent until they are back
};

// In the order of precedence, the strongest reason last.
enum class Eligibility : std::uint8_t {
  up,        // or not yet known: tried until it is known to be down
  degraded,  // up with a lower weight
  half_open,
  draining,  // nothing new; sessions that stick to it may go on
  breaker_open,
  ejected,
  down,
};
[[nodiscard]] std::string_view name_of(Eligibility eligibility);

// In a set of reasons to overlook.
[[nodiscard]] constexpr std::uint8_t bit_of(Eligibility eligibility) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(eligibility));
}

inline constexpr std::uint32_t kFullShare = 256;
inline constexpr std::uint32_t kQuarterShare = kFullShare / 4;

// The word. All zero: unknown, nothing against it, full share.
//   bits 0-7   256 - share of a degraded server          bit 11      ejected
//   bits 8-9   health                                    bits 12-13  breaker
//   bit 10     draining                                  bits 32-63  when its slow start began, 0: not in one
class ServerState {
 public:
  [[nodiscard]] std::uint64_t word() const { return word_.load(std::memory_order_relaxed); }

  // `share` of kFullShare: less than full is degraded. REQUIRES: 1 <= share <= kFullShare.
  void set_health(shared::HealthState health, std::uint32_t share = kFullShare) {
    replace(kHealthMask | kMissingMask, std::uint64_t{kFullShare - share} | static_cast<std::uint64_t>(health) << 8U);
  }
  void set_draining(bool on) { replace(kDraining, on ? kDraining : 0); }
  void set_ejected(bool on) { replace(kEjected, on ? kEjected : 0); }
  void set_breaker(BreakerState state) { replace(kBreakerMask, static_cast<std::uint64_t>(state) << 12U); }
  // Of several callers one gets true: the one that changed it.
  bool change_breaker(BreakerState from, BreakerState to);
  // Another server has this cell now.
  void forget() { word_.store(0, std::memory_order_relaxed); }
  // From now on its weight grows from a small share; a time of zero ends that.
  void set_slow_start(shared::TimePoint began) { replace(kRampMask, ticks(began) << 32U); }

  [[nodiscard]] shared::HealthState health() const { return static_cast<shared::HealthState>((word() >> 8U) & 3U); }
  [[nodiscard]] std::uint32_t health_share() const { return kFullShare - (word() & kMissingMask); }
  [[nodiscard]] bool draining() const { return (word() & kDraining) != 0; }
  [[nodiscard]] bool ejected() const { return (word() & kEjected) != 0; }
  [[nodiscard]] BreakerState breaker() const { return static_cast<BreakerState>((word() >> 12U) & 3U); }

  // Up or unknown, and nothing else: nearly always.
  [[nodiscard]] static constexpr bool plain(std::uint64_t word) { return (word & ~kUp) == 0; }

  static constexpr std::uint64_t kUp = static_cast<std::uint64_t>(shared::HealthState::up) << 8U;
  static constexpr std::uint64_t kMissingMask = 0xFF;
  static constexpr std::uint64_t kHealthMask = 3ULL << 8U;
  static constexpr std::uint64_t kDraining = 1ULL << 10U;
  static constexpr std::uint64_t kEjected = 1ULL << 11U;
  static constexpr std::uint64_t kBreakerMask = 3ULL << 12U;
  static constexpr std::uint64_t kRampMask = 0xFFFFFFFFULL << 32U;
  static constexpr shared::milliseconds kTick{16};  // of the slow start; 32 bits of them are two years of uptime

  [[nodiscard]] static std::uint64_t ticks(shared::TimePoint when) {
    return static_cast<std::uint64_t>(when.time_since_epoch() / kTick) & 0xFFFFFFFFULL;
  }

 private:
  void replace(std::uint64_t mask, std::uint64_t value) {
    std::uint64_t before = word();
    while (!word_.compare_exchange_weak(before, (before & ~mask) | value, std::memory_order_relaxed)) {
    }
  }

  std::atomic<std::uint64_t> word_{0};
};

struct Standing {
  Eligibility eligibility = Eligibility::up;
  std::uint32_t share = kFullShare;  // of its weight, at least 1: degraded and slow start

  // For a request that is bound to no server.
  [[nodiscard]] bool allowed() const { return eligibility <= Eligibility::half_open; }
};

// `slow_start`: how long a server takes to its full weight; zero: no time. `overlook`: a set of bit_of() that do not
// count now; what is weaker than they are still does, so an operator's drain outlives a panic.
[[nodiscard]] Standing standing_in(std::uint64_t word, shared::Duration slow_start, shared::TimePoint now,
                                   std::uint8_t overlook = 0);
[[nodiscard]] inline Standing standing_of(const ServerState& state, shared::Duration slow_start, shared::TimePoint now,
                                          std::uint8_t overlook = 0) {
  const std::uint64_t word = state.word();
  return ServerState::plain(word) ? Standing{} : standing_in(word, slow_start, now, overlook);
}

}  // namespace edge
