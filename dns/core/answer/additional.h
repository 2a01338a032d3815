#pragma once
// Additional data: addresses of the names that an answer or a referral mentions, as far as we have them. On the stack
// of answer(), any thread.

#include <cstddef>

#include "dns/core/answer/draft.h"

namespace dns {

// Addresses of the targets of NS, MX, SRV, SVCB and HTTPS, as far as they fit; nothing is missing without them.
// `rr_at`: where the set stands in the reply. REQUIRES: has_targets(rrset.type).
template <class Trace>
void add_additional(Draft<Trace>& draft, const Rrset& rrset, std::size_t rr_at);

// Addresses of servers at or below the cut are the only way in: all of them, or TC (RFC 9471 section 3.1). Those of
// others come after, if there is room. `rr_at`: where the NS stand in the reply; `cut`: label of the name at hand where
// the cut begins.
template <class Trace>
void add_glue(Draft<Trace>& draft, std::size_t rr_at, unsigned count, unsigned cut);

}  // namespace dns
