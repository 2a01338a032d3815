#include "edge/core/protect/response_time.h"

#include <algorithm>

namespace edge {

void ResponseTime::observe(shared::Duration took, shared::TimePoint now, shared::Duration half_life) {
  const float sample = std::max(std::chrono::duration<float, std::micro>(took).count(), 1.0F);
  const Fading fading(now, half_life);
  std::uint64_t before = word_.load(std::memory_order_relaxed);
  std::uint64_t after = 0;
  do {
    const float weight = fading.left(changed_in(before));
    const float mean = mean_in(before);
    // A peak counts at once; what is below pulls the mean down by its age.
    const float next = sample >= mean * weight ? sample : mean * weight + sample * (1 - weight);
    after = std::uint64_t{Fading::stamp(now)} << 32U | std::bit_cast<std::uint32_t>(next);
  } while (!word_.compare_exchange_weak(before, after, std::memory_order_relaxed));
}

}  // namespace edge
