#pragma once
// answer(): the DNS server as one pure function, a query in -> bytes out. UDP, TCP, `explain` and the tests call the
// same one. It reads as RFC 1034 4.3.2 with RFC 4592 (wildcards), RFC 6672 (DNAME), RFC 2308 (negative answers), RFC
// 6891 and RFC 7871 (EDNS, client subnet):
//
//   parse_query -> look_up (zone, match) -> answer: answer_node | refer | synthesise | deny -> additional -> finish
//
// No allocation, no I/O, no clock. Any thread; `out` belongs to the caller and must not overlap the packet.
//
// A zone transfer is no answer of this kind but many messages: a verb beside this one, which the caller chooses by the
// query's type before it would come here.

#include <cstdint>
#include <span>

#include "dns/core/answer/answer_request.h"
#include "dns/core/answer/snapshot.h"
#include "dns/core/steer/trace.h"

namespace dns {

// REQUIRES: out.size() >= 512, and >= 65535 for TCP (a smaller buffer truncates earlier).
template <class Trace>
[[nodiscard]] AnswerInfo answer(const Snapshot& snapshot, const AnswerRequest& request, std::span<std::uint8_t> out,
                                Trace& trace);

}  // namespace dns
