#pragma once
// What the server says about itself: /metrics as Prometheus text, /status as JSON. Reads the workers' counters while
// they count. On the control loop.

#include <string>

#include "dns/serve/control/control.h"

namespace dns {

[[nodiscard]] std::string render_metrics(const Control& control);
[[nodiscard]] std::string render_status(const Control& control);
// Sampled answers of the recent past and the edges' states: what `meridian what-if` weighs by.
[[nodiscard]] std::string render_given(const Control& control);

}  // namespace dns
