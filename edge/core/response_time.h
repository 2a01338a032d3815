#pragma once
// ResponseTime: how long a server takes, as a peak EWMA (Finagle's): a slower answer than the mean raises it at once,
// faster ones lower it by and by, and a server that is not asked is forgiven with time, so that it is tried again. One
// atomic word in Live, shared by all workers; relaxed. Any thread.

#include <atomic>
#include <bit>
#include <cstdint>

#include "shared/core/time.h"

namespace edge {

class ResponseTime {
 public:
  // `half_life`: an old mean counts half after it. REQUIRES: > 0.
  void observe(shared::Duration took, shared::TimePoint now, shared::Duration half_life);

  // Microseconds, with what time has forgiven; 0: never measured.
  [[nodiscard]] float mean_us(shared::TimePoint now, shared::Duration half_life) const {
    return decayed(word_.load(std::memory_order_relaxed), now, half_life);
  }

 private:
  // The upper half: milliseconds of the last change, modulo 2^32; the lower one: the mean as a float.
  [[nodiscard]] static float decayed(std::uint64_t word, shared::TimePoint now, shared::Duration half_life);

  std::atomic<std::uint64_t> word_{0};
};

}  // namespace edge
