#pragma once
// check_listeners(): what listeners of a pool say against the pools: unknown names, names by SNI that stand twice, and
// settings of pools that are for requests only. Part of check_edge(). Any thread.

#include "edge/load/config.h"
#include "shared/load/diagnostics.h"

namespace edge {

void check_listeners(const EdgeConfig& edge, shared::load::Diagnostics& diagnostics);

}  // namespace edge
