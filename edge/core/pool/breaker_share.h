#pragma once
// open_breaker(): opens the breaker of a server that is due, unless `max_opened` of its pool are open, half open or
// probing: what fails everywhere speaks against the requests, or against something behind all servers, and a pool
// without a server helps nobody. One that may not open stays due: its next failure asks again. Any thread.

#include <cstdint>

#include "edge/core/pool/live.h"
#include "edge/core/pool/pool.h"
#include "shared/core/time.h"

namespace edge {

[[nodiscard]] BreakerChange open_breaker(const Pool& pool, const Server& server, Live& live, shared::TimePoint now,
                                         std::uint64_t seed);

}  // namespace edge
