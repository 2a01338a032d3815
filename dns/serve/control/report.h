#pragma once
// What the server says about itself: /metrics as Prometheus text, /status as JSON. Reads the workers' counters while
// they count. On the control loop.

#include <string>

#include "dns/serve/control/server.h"

namespace dns {

[[nodiscard]] std::string render_metrics(const Server& server);
[[nodiscard]] std::string render_status(const Server& server);
// Sampled answers of the recent past and the edges' states: what `meridian what-if` weighs by.
[[nodiscard]] std::string render_given(const Server& server);

}  // namespace dns
