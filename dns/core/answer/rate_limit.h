#pragma once
// Response rate limiting: how many like responses go to one network over UDP, where sources can be forged. Alike are
// responses of one kind to one IPv4 /24 or IPv6 /56 that are about the same thing:
//
//   answer, nodata, referral   the name that holds the data: a wildcard counts as one name, whatever was asked under it
//   nxdomain                   the zone: names that do not exist are without number
//   error                      nothing more: whatever was asked
//
// By name, because a resolver that asks for many names is busy, and one that asks for the same name over and over is a
// victim. The type does not matter: asking for all types of a name must not multiply what comes back.
//
// What is too much is mostly dropped; each slip-th, drawn, becomes a small reply with which an honest client gets on at
// once: BADCOOKIE if it speaks cookies (RFC 7873 section 5.2.3), else TC=1, for TCP. Who has a valid cookie is not
// limited.

#include <cstdint>
#include <span>

#include "dns/core/answer/answer_request.h"
#include "dns/core/answer/response_cells.h"
#include "dns/core/answer/snapshot.h"

namespace dns {

enum class Ruling : std::uint8_t { pass, drop, truncate, bad_cookie };
inline constexpr std::size_t kRulings = 4;

[[nodiscard]] ResponseKind response_kind(AnswerKind kind);

// What becomes of a response. REQUIRES: there is one. Whether the ruling is carried out is the mode's business.
[[nodiscard]] Ruling judge(ResponseCells& cells, const RateLimit& limit, const AnswerRequest& request,
                           const AnswerInfo& info, std::uint64_t now_us);

// Makes the small reply in place of an answer: header, question and OPT. REQUIRES: ruling is truncate or bad_cookie;
// out.size() >= 512.
[[nodiscard]] AnswerInfo decline(const Snapshot& snapshot, const AnswerRequest& request, std::span<std::uint8_t> out,
                                 Ruling ruling);

}  // namespace dns
