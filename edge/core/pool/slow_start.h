#pragma once
// start_slowly(): servers that join a pool which has servers already begin with a small share (`slow_start`): their
// caches are cold, and each worker would turn to them at once. All servers of a pool that had none are as warm as each
// other. Control's, before it publishes the pools that follow.

#include "edge/core/pool/live.h"
#include "edge/core/pool/pool.h"
#include "shared/core/time.h"

namespace edge {

void start_slowly(const Pools& before, const Pools& after, Live& live, shared::TimePoint now);

}  // namespace edge
