#pragma once
// check_sessions(): warns of sticky pools whose cookies have one name on hosts that overlap: each would end the
// sessions of the other; and of cookies that no browser would send back. Builder's thread.

#include "edge/load/config.h"
#include "shared/load/diagnostics.h"

namespace edge {

void check_sessions(const EdgeConfig& edge, shared::load::Diagnostics& diagnostics);

}  // namespace edge
