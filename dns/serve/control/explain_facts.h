#pragma once
// What a running server knows of its edges and no snapshot does: since when, what the last probe said, how long the
// operator's word still holds. Lines that /explain adds to the decision. On the control loop.

#include <vector>

#include "dns/load/world/explain.h"
#include "dns/serve/control/steering_control.h"

namespace dns {

[[nodiscard]] std::vector<Explanation::Line> facts_of(const SteeringControl& steering);

// "2026-01-31T23:59:59Z"
[[nodiscard]] std::string utc(shared::WallTime time);

}  // namespace dns
