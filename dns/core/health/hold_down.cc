#include "dns/core/health/hold_down.h"

#include <algorithm>

namespace dns {
namespace {

using shared::Duration;
using shared::TimePoint;

Duration delay_after(unsigned falls, const HoldDownSettings& settings) {
  if (falls < 2 || settings.first == Duration::zero()) return Duration::zero();
  Duration delay = settings.first;
  for (unsigned i = 2; i < falls && delay < settings.longest; ++i) delay *= 2;
  return std::min(delay, settings.longest);
}

}  // namespace

void HoldDown::fell(TimePoint now, const HoldDownSettings& settings) {
  falls_ = falls(now, settings);
  // More than it takes to be held down for longest would only take longer to forget.
  if (delay_after(falls_, settings) < settings.longest) ++falls_;
  well_since_.reset();
  until_.reset();
}

void HoldDown::recovered(TimePoint now, const HoldDownSettings& settings) {
  well_since_ = now;
  const Duration delay = delay_after(falls_, settings);
  if (delay > Duration::zero()) until_ = now + delay;
}

void HoldDown::take_back_fall() { falls_ -= falls_ > 0 ? 1 : 0; }

std::optional<TimePoint> HoldDown::until(TimePoint now) const {
  return until_ && now < *until_ ? until_ : std::nullopt;
}

unsigned HoldDown::falls(TimePoint now, const HoldDownSettings& settings) const {
  if (settings.first == Duration::zero()) return 0;
  if (!well_since_) return falls_;
  const auto forgotten = (now - *well_since_) / settings.longest;
  return forgotten >= falls_ ? 0 : falls_ - static_cast<unsigned>(forgotten);
}

}  // namespace dns
