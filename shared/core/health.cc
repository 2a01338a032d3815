#include "shared/core/health.h"

namespace shared {

bool HealthMachine::observe(ProbeOutcome outcome, const HealthSettings& settings) {
  const HealthState seen = outcome == ProbeOutcome::success ? HealthState::up : HealthState::down;
  const bool decisive = !verified_ || outcome == ProbeOutcome::refused;
  verified_ = true;
  if (seen == state_) {
    against_ = 0;
    return false;
  }
  ++against_;
  const std::uint16_t needed = seen == HealthState::up ? settings.rise : settings.fall;
  if (!decisive && against_ < needed) return false;
  state_ = seen;
  against_ = 0;
  return true;
}

}  // namespace shared
