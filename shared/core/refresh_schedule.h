#pragma once
// RefreshSchedule: when a name that is followed is looked up again: by the TTL of its answer, within bounds; after
// failures, with back-off. A little later than the TTL says, never sooner: a caching resolver would give the rest of
// the old one; and not in step with others that were looked up at the same time. Pure state, time is an argument; owned
// by NameFollower, one for each name.

#include <cstdint>

#include "shared/core/time.h"

namespace shared {

struct RefreshSettings {
  Duration min_ttl = seconds(1);  // a TTL of 0 is not asked for in a loop
  Duration max_ttl = std::chrono::minutes(5);
  Duration empty_ttl = seconds(10);   // of an answer without records: c-ares does not tell its TTL
  Duration retry_first = seconds(1);  // after a failure, doubling up to retry_max
  Duration retry_max = seconds(30);
  double jitter = 0.1;  // each wait is drawn from [1, 1 + jitter] x wait
};

class RefreshSchedule {
 public:
  explicit RefreshSchedule(std::uint64_t seed) : seed_(seed) {}

  // When to look up next, after what came at `now`.
  [[nodiscard]] TimePoint after_answer(const RefreshSettings& settings, TimePoint now, Duration ttl);
  [[nodiscard]] TimePoint after_empty(const RefreshSettings& settings, TimePoint now);
  [[nodiscard]] TimePoint after_failure(const RefreshSettings& settings, TimePoint now);

  // The last lookup failed.
  [[nodiscard]] bool failing() const { return retry_ != Duration::zero(); }

 private:
  [[nodiscard]] Duration drawn(const RefreshSettings& settings, Duration wait);

  std::uint64_t seed_;
  Duration retry_{};  // zero: the last lookup was good
};

}  // namespace shared
