#pragma once
// takes_off_what_counts(): does a client name a field in Connection that the edge goes by? A server is not told what
// stands there (RFC 9110 7.6.1), so whoever did that would be told apart by a value that his server never sees: a
// limit's allowance for each tenant that he makes up, or another one's route. What is protected anyway (http::
// is_protected) stays in any case. Pure, any thread.

#include "edge/core/pool/pool.h"
#include "edge/core/route/route.h"
#include "shared/http/fields.h"

namespace edge {

// By conditions of the route, keys of its cache and of its limits that are enforced, and how its pool (null: none)
// chooses servers.
[[nodiscard]] bool takes_off_what_counts(const Route& route, const Pool* pool, const http::FieldList& fields);

}  // namespace edge
