#pragma once
// check_edge(): what no single map can know. Unknown pools, tiers and regions; pools that stand for each other in a
// ring; routes that nothing reaches; options without effect. All problems, each where it was written. Pure over its
// arguments.

#include "edge/load/config.h"
#include "shared/load/config.h"
#include "shared/load/diagnostics.h"

namespace edge {

void check_edge(const EdgeConfig& edge, const shared::load::Config& config, shared::load::Diagnostics& diagnostics);

}  // namespace edge
