#pragma once
// Denial: NXDOMAIN and NODATA. The SOA says for how long to remember it (RFC 2308). Existence is not tailored: scope 0.
// On the stack of answer(), any thread.

#include "dns/core/answer/draft.h"

namespace dns {

// That what is looked up does not exist in this zone. `kind`: nxdomain or nodata. REQUIRES: the name at hand lies in
// the zone.
template <class Trace>
void deny(Draft<Trace>& draft, const Zone& zone, AnswerKind kind);

}  // namespace dns
