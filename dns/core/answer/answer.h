#pragma once
// answer(): the DNS server as one pure function, bytes in -> bytes out. UDP, TCP, `explain` and the tests call the same
// one. It reads as RFC 1034 4.3.2 with RFC 4592 (wildcards), RFC 6672 (DNAME), RFC 2308 (negative answers), RFC 6891
// and RFC 7871 (EDNS, client subnet):
//
//   parse_query -> look_up (zone, match) -> answer_node | refer | synthesise | deny -> additional -> finish
//
// No allocation, no I/O, no clock. Any thread; `out` belongs to the caller and must not overlap the packet.

#include <cstddef>
#include <cstdint>
#include <span>

#include "dns/core/answer/lookup.h"
#include "dns/core/answer/snapshot.h"
#include "dns/core/steer/trace.h"
#include "dns/core/wire/cookie.h"
#include "dns/core/wire/wire.h"
#include "dns/core/zone/query.h"
#include "shared/core/ip.h"

namespace dns {

enum class Transport : std::uint8_t { udp, tcp };

struct AnswerRequest {
  std::span<const std::uint8_t> packet;
  shared::IpAddress client;  // where the packet came from
  Transport transport = Transport::udp;
  std::uint64_t entropy = 0;       // a draw per query
  std::uint16_t idle_timeout = 0;  // of this TCP connection, in units of 100 ms (RFC 7828); said only when asked
  std::uint32_t unix_time = 0;     // seconds since 1970, for cookies
};

enum class AnswerKind : std::uint8_t {
  none,    // no reply
  data,    // static data
  policy,  // addresses chosen by a policy
  nodata,
  nxdomain,
  referral,
  refused,
  error,  // FORMERR, NOTIMP, BADVERS, YXDOMAIN, BADCOOKIE, or nothing but a cookie
};
inline constexpr std::size_t kAnswerKinds = 8;

// What became of a query, for counters and logs: nobody parses the reply again.
struct AnswerInfo {
  std::size_t length = 0;  // octets of the reply in `out`; 0: no reply
  AnswerKind kind = AnswerKind::none;
  Rcode rcode = Rcode::noerror;
  bool truncated = false;
  bool with_subnet = false;  // the query carried a client subnet
  CookieState cookie = CookieState::none;
  std::uint64_t account = 0;  // what the answer is about, by hash: the name that holds the data; of NXDOMAIN, the zone
  PolicyNameId policy{};      // REQUIRES (both): kind is policy
  RegionId region{};
};

// REQUIRES: out.size() >= 512, and >= 65535 for TCP (a smaller buffer truncates earlier).
template <class Trace>
[[nodiscard]] AnswerInfo answer(const Snapshot& snapshot, const AnswerRequest& request, std::span<std::uint8_t> out,
                                Trace& trace);

// The same for a query that is parsed and looked up already, so that a batch can go through each step together.
template <class Trace>
[[nodiscard]] AnswerInfo answer(const Snapshot& snapshot, const Query& query, const Found& found,
                                const AnswerRequest& request, std::span<std::uint8_t> out, Trace& trace);

}  // namespace dns
