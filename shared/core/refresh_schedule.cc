#include "shared/core/refresh_schedule.h"

#include <algorithm>

#include "shared/core/hash.h"

namespace shared {

TimePoint RefreshSchedule::after_answer(const RefreshSettings& settings, TimePoint now, Duration ttl) {
  retry_ = Duration::zero();
  return now + drawn(settings, std::clamp(ttl, settings.min_ttl, settings.max_ttl));
}

TimePoint RefreshSchedule::after_empty(const RefreshSettings& settings, TimePoint now) {
  retry_ = Duration::zero();
  return now + drawn(settings, settings.empty_ttl);
}

TimePoint RefreshSchedule::after_failure(const RefreshSettings& settings, TimePoint now) {
  retry_ = failing() ? std::min(retry_ * 2, settings.retry_max) : settings.retry_first;
  return now + drawn(settings, retry_);
}

Duration RefreshSchedule::drawn(const RefreshSettings& settings, Duration wait) {
  seed_ = mix(seed_ + 1);
  constexpr int kBits = 53;  // of a double's mantissa
  const double share = static_cast<double>(seed_ >> (64 - kBits)) / static_cast<double>(std::uint64_t{1} << kBits);
  return wait + std::chrono::duration_cast<Duration>(wait * (settings.jitter * share));
}

}  // namespace shared
