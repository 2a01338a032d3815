#pragma once
// check_hints(): warns of what is valid and hardly meant: networks of everybody in the place of one's own, and caches
// that give all clients the answer of one, since what tells these apart elsewhere is no part of their key. Builder's
// thread.

#include "edge/load/config.h"
#include "shared/load/config.h"
#include "shared/load/diagnostics.h"

namespace edge {

void check_hints(const EdgeConfig& edge, const shared::load::Config& config, shared::load::Diagnostics& diagnostics);

}  // namespace edge
