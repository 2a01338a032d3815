#pragma once
// Service bindings (RFC 9460), whose address hints must not contradict what their target's A and AAAA say to the same
// client. On the stack of answer(), any thread.

#include <cstddef>

#include "dns/core/answer/draft.h"

namespace dns {

// Section 7.3: the hints of a binding to a policy name are the addresses that this client would be given. The set has
// one TTL, no longer than theirs. All RRs of the set, or nothing, as ReplyFrame::add() does. REQUIRES: a set of SVCB or
// HTTPS.
template <class Trace>
std::size_t add_bindings(Draft<Trace>& draft, Section section, const Rrset& rrset, std::size_t owner_at);

}  // namespace dns
