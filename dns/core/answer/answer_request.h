#pragma once
// What answer() is given beside the snapshot, and what it tells of its reply. Values of one query, any thread.

#include <cstddef>
#include <cstdint>

#include "dns/core/answer/lookup.h"
#include "dns/core/steer/steering.h"
#include "dns/core/wire/cookie.h"
#include "dns/core/wire/wire.h"
#include "dns/core/zone/query.h"
#include "shared/core/ip.h"

namespace dns {

enum class Transport : std::uint8_t { udp, tcp, tls };  // tls: over TCP (RFC 7858)

// A query that is parsed and looked up, so that a batch can go through each step together. Refers to both, which must
// outlive it.
struct AnswerRequest {
  const Query& query;
  const Found& found;        // look_up() of the query
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

}  // namespace dns
