#pragma once
// What an edge says of itself in the answer to a probe (edge/serve/request/health_page.h): that it drains, and why it
// is down. The body is a stranger's bytes and is told as far as it is what an edge writes. Pure, any thread.

#include <string>

#include "shared/serve/probe/prober.h"

namespace dns {

[[nodiscard]] bool says_draining(const shared::ProbeReport& report);

// The probe's own reason, and what the edge's page said: "status 503: critical pool web is empty". Empty on success,
// but for a page that says that it drains: "draining".
[[nodiscard]] std::string reason_of(const shared::ProbeReport& report);

}  // namespace dns
