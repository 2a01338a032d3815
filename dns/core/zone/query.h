#pragma once
// Query: what one packet asks, parsed once and checked completely. Spans point into the packet, which must outlive it.
// parse_query() decides only what the message itself decides: no answer at all, an error, or something to look up. It
// does not look at the zones, so a batch can be parsed first and looked up later. Pure, any thread, no allocation.

#include <cstdint>
#include <optional>
#include <span>

#include "dns/core/steer/steering.h"
#include "dns/core/wire/name.h"
#include "dns/core/wire/wire.h"

namespace dns {

enum class Verdict : std::uint8_t {
  drop,    // shorter than a header, or a response: never a reply
  reject,  // reply with `error` and no data; NOERROR: nothing was asked but a cookie (RFC 7873 section 5.4)
  answer,  // look it up
};

// Options of a query that change the reply; others are ignored (RFC 6891 6.1.2).
struct Edns {
  std::uint16_t udp_size = kMinUdpSize;  // as clamped from below to 512
  bool dnssec_ok = false;
  bool wants_nsid = false;
  bool wants_keepalive = false;
  std::span<const std::uint8_t> subnet;  // the client subnet option's data as it came, checked; empty: no option
  std::span<const std::uint8_t> cookie;  // the first COOKIE option's data, of a right length; empty: no option
};

struct Query {
  Query() {}  // NOLINT: `name` stays uninitialised until parse_query fills it

  Verdict verdict = Verdict::drop;
  Rcode error = Rcode::noerror;  // REQUIRES: verdict is reject
  std::uint16_t id = 0;
  std::uint16_t flags = 0;                 // the header's second word as it came
  std::span<const std::uint8_t> question;  // name, type and class as they came; empty if there was no sound one
  RrType type{};
  RrClass klass{};
  std::optional<Edns> edns;
  std::optional<ClientSubnet> subnet;  // of a sound option with an address family; source may be 0
  HashedName name;                     // REQUIRES: question is not empty

  [[nodiscard]] Opcode opcode() const { return static_cast<Opcode>((flags & kOpcodeMask) >> 11); }
};

[[nodiscard]] Query parse_query(std::span<const std::uint8_t> packet);

}  // namespace dns
