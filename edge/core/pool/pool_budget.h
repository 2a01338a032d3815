#pragma once
// What a pool's clients ask is what its RetryBudget earns. Asked for when a retry is wanted and once a second besides:
// trouble must not find a share of all that was ever asked. Any thread.

#include <cstdint>

#include "edge/core/pool/live.h"
#include "edge/core/pool/pool.h"
#include "shared/core/time.h"

namespace edge {

// Requests that clients have ever sent to the pool.
[[nodiscard]] std::uint64_t requests_of(const Pool& pool, const Live& live);

void earn(const Pool& pool, Live& live, shared::TimePoint now);

// Whether the pool may be asked once more for a request or a connection, beyond its own share; takes it from the
// budget.
[[nodiscard]] bool spend(const Pool& pool, Live& live, shared::TimePoint now);

}  // namespace edge
