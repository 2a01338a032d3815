#pragma once
// takes_off_what_counts(): does a client name a field in Connection that the edge goes by? A server is not told what
// stands there (RFC 9110 7.6.1), so whoever did that would be told apart by a value that his server never sees: a
// limit's allowance for each tenant that he makes up, or another one's route. What is protected anyway (http::
// is_protected) stays in any case.
// doubles_what_counts(): likewise of a client that sends such a field twice, with two values. The edge would go by one
// of them, and the server, perhaps, by the other. Lists may have lines (http::may_have_lines). Pure, any thread.

#include "edge/core/message/client.h"
#include "edge/core/message/tier.h"
#include "edge/core/pool/pool.h"
#include "edge/core/route/route.h"
#include "shared/http/fields.h"

namespace edge {

// By conditions of the route, keys of its cache and of its limits that are enforced, and how its pool (null: none)
// chooses servers.
[[nodiscard]] bool takes_off_what_counts(const Route& route, const Pool* pool, const http::FieldList& fields);

[[nodiscard]] bool doubles_what_counts(const Route& route, const Pool* pool, const http::FieldList& fields);
// Authorization or X-Api-Key has two values.
[[nodiscard]] bool doubles_a_credential(const http::FieldList& fields);
// What may say the tier: a credential, and the tier's own field of those who are believed.
[[nodiscard]] bool doubles_the_tier(const Tiers& tiers, const Client& client, const http::FieldList& fields);

}  // namespace edge
