#pragma once
// What an edge's report (shared/core/edge_report.h) means to its probe: that it drains, and why it is down. Whoever
// answers may be a stranger: his words are told as far as they are what an edge writes. Pure, any thread.

#include <string>

#include "shared/serve/probe/prober.h"

namespace dns {

[[nodiscard]] bool says_draining(const shared::ProbeReport& report);

// The probe's own reason, and what the edge's page said: "status 503: critical pool web is empty". Empty on success,
// but for a page that says that it drains: "draining".
[[nodiscard]] std::string reason_of(const shared::ProbeReport& report);

}  // namespace dns
