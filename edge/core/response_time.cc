#include "edge/core/response_time.h"

#include <algorithm>

namespace edge {
namespace {

std::uint32_t stamp(shared::TimePoint now) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<shared::milliseconds>(now.time_since_epoch()).count());
}

// 2^-x, exact at whole x and a parabola between with the right slope where small steps begin; cheap.
float fading(float x) {
  if (x >= 60) return 0;
  const auto whole = static_cast<std::uint32_t>(x);
  const float rest = x - static_cast<float>(whole);
  return (1 - rest * (0.6931F - 0.1931F * rest)) / static_cast<float>(std::uint64_t{1} << whole);
}

float weight_of(std::uint64_t word, shared::TimePoint now, shared::Duration half_life) {
  const auto since = static_cast<std::int32_t>(stamp(now) - static_cast<std::uint32_t>(word >> 32U));
  const auto span = std::chrono::duration_cast<shared::milliseconds>(half_life).count();
  if (since <= 0) return 1;  // by another worker's clock, a moment ahead
  return fading(static_cast<float>(since) / static_cast<float>(std::max<std::int64_t>(span, 1)));
}

float mean_in(std::uint64_t word) { return std::bit_cast<float>(static_cast<std::uint32_t>(word)); }

}  // namespace

float ResponseTime::decayed(std::uint64_t word, shared::TimePoint now, shared::Duration half_life) {
  const float mean = mean_in(word);
  if (mean == 0) return 0;
  // What was measured once stays measured.
  return std::max(mean * weight_of(word, now, half_life), 1.0F);
}

void ResponseTime::observe(shared::Duration took, shared::TimePoint now, shared::Duration half_life) {
  const float sample = std::max(std::chrono::duration<float, std::micro>(took).count(), 1.0F);
  std::uint64_t before = word_.load(std::memory_order_relaxed);
  std::uint64_t after = 0;
  do {
    const float weight = weight_of(before, now, half_life);
    const float mean = mean_in(before);
    // A peak counts at once; what is below pulls the mean down by its age.
    const float next = sample >= mean * weight ? sample : mean * weight + sample * (1 - weight);
    after = std::uint64_t{stamp(now)} << 32U | std::bit_cast<std::uint32_t>(next);
  } while (!word_.compare_exchange_weak(before, after, std::memory_order_relaxed));
}

}  // namespace edge
