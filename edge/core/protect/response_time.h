#pragma once
// ResponseTime: how long a server takes, as a peak EWMA (Finagle's): a slower answer than the mean raises it at once,
// faster ones lower it by and by, and a server that is not asked is forgiven with time, so that it is tried again. One
// atomic word in Live, shared by all workers; relaxed. Any thread.

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>

#include "shared/core/time.h"

namespace edge {

// How much of an old mean is left now. One for all servers of a pick: it holds the only division.
class Fading {
 public:
  // REQUIRES: half_life > 0.
  Fading(shared::TimePoint now, shared::Duration half_life)
      : stamp_(stamp(now)), halvings_per_ms_(1.0F / static_cast<float>(std::max<std::int64_t>(in_ms(half_life), 1))) {}

  // Milliseconds modulo 2^32.
  [[nodiscard]] static std::uint32_t stamp(shared::TimePoint when) {
    return static_cast<std::uint32_t>(in_ms(when.time_since_epoch()));
  }
  // Of a mean that was changed then; 1 if that is still to come: another worker's clock is a moment ahead.
  [[nodiscard]] float left(std::uint32_t changed) const {
    const auto age = static_cast<std::int32_t>(stamp_ - changed);
    return age <= 0 ? 1.0F : halved(static_cast<float>(age) * halvings_per_ms_);
  }

 private:
  [[nodiscard]] static std::int64_t in_ms(shared::Duration duration) {
    return std::chrono::duration_cast<shared::milliseconds>(duration).count();
  }
  // 2^-x, exact at whole x and a parabola between with the right slope where small steps begin; cheap.
  [[nodiscard]] static float halved(float x) {
    if (x >= 60) return 0;
    const auto whole = static_cast<std::int32_t>(x);
    const float rest = x - static_cast<float>(whole);
    return (1 - rest * (0.6931F - 0.1931F * rest)) * std::bit_cast<float>((127 - whole) << 23);
  }

  std::uint32_t stamp_;
  float halvings_per_ms_;
};

class ResponseTime {
 public:
  // `half_life`: an old mean counts half after it. REQUIRES: > 0.
  void observe(shared::Duration took, shared::TimePoint now, shared::Duration half_life);

  // Another server has this cell now.
  void forget() { word_.store(0, std::memory_order_relaxed); }

  // Microseconds, with what time has forgiven; 0: never measured.
  [[nodiscard]] float mean_us(const Fading& fading) const {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    const float mean = mean_in(word);
    // What was measured once stays measured.
    return mean == 0 ? 0 : std::max(mean * fading.left(changed_in(word)), 1.0F);
  }
  [[nodiscard]] float mean_us(shared::TimePoint now, shared::Duration half_life) const {
    return mean_us(Fading(now, half_life));
  }

 private:
  // The upper half: milliseconds of the last change, modulo 2^32; the lower one: the mean as a float.
  [[nodiscard]] static std::uint32_t changed_in(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32U); }
  [[nodiscard]] static float mean_in(std::uint64_t word) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(word));
  }

  std::atomic<std::uint64_t> word_{0};
};

}  // namespace edge
