#pragma once
// check_probes(): warns of health checks that cannot fit into one process: more connections than it may have
// descriptors for, or more beginning in a second than one thread makes well. Builder's thread.

#include "edge/load/config.h"
#include "shared/load/config.h"
#include "shared/load/diagnostics.h"

namespace edge {

void check_probes(const EdgeConfig& edge, const shared::load::Config& config, shared::load::Diagnostics& diagnostics);

}  // namespace edge
