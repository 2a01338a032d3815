#include "shared/core/health.h"

#include <algorithm>

namespace shared {
namespace {

HealthState seen_by(ProbeOutcome outcome) {
  switch (outcome) {
    case ProbeOutcome::success:
      return HealthState::up;
    case ProbeOutcome::degraded:
      return HealthState::degraded;
    case ProbeOutcome::failure:
    case ProbeOutcome::refused:
      break;
  }
  return HealthState::down;
}

}  // namespace

std::string_view to_string(HealthState state) {
  switch (state) {
    case HealthState::up:
      return "up";
    case HealthState::degraded:
      return "degraded";
    case HealthState::down:
      return "down";
    case HealthState::unknown:
      break;
  }
  return "unknown";
}

bool HealthMachine::become(HealthState state) {
  against_ = 0;
  const bool changed = state_ != state;
  state_ = state;
  return changed;
}

bool HealthMachine::observe(ProbeOutcome outcome, const HealthSettings& settings) {
  const HealthState seen = seen_by(outcome);
  const bool decisive = !verified_ || outcome == ProbeOutcome::refused;
  verified_ = true;
  if (decisive || seen == state_) return become(seen);
  const bool worse = seen > state_;  // the enumerators go from well to ill
  const bool turned = against_ > 0 && worse != (mildest_ > state_);
  if (against_ == 0 || turned) {
    against_ = 0;
    mildest_ = seen;
  }
  mildest_ = worse ? std::min(mildest_, seen) : std::max(mildest_, seen);
  if (++against_ < (worse ? settings.fall : settings.rise)) return false;
  return become(mildest_);
}

}  // namespace shared
