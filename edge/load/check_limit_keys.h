#pragma once
// check_limit_keys(): warns of limits that a client passes by with a key that it makes up for each request: an API key
// that no policy of the route verifies, a header, a cookie, the host of a route that takes any; but where another limit
// counts by what cannot be made up. Builder's thread.

#include "edge/load/config.h"
#include "shared/load/diagnostics.h"

namespace edge {

void check_limit_keys(const EdgeConfig& edge, shared::load::Diagnostics& diagnostics);

}  // namespace edge
