#pragma once
// The OPT record of a reply (RFC 6891) and the options that we send: NSID (RFC 5001), client subnet (RFC 7871), cookie
// (RFC 7873), TCP keepalive (RFC 7828), extended error (RFC 8914) and padding (RFC 7830). Pure, any thread.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "dns/core/wire/wire.h"

namespace dns {

struct OptReply {
  std::uint16_t udp_payload_size = 0;      // what we take
  std::uint8_t extended_rcode = 0;         // upper eight bits of the rcode
  bool dnssec_ok = false;                  // copied from the query (RFC 3225)
  std::string_view nsid;                   // empty: no option
  std::span<const std::uint8_t> subnet;    // the query's option, echoed but for the scope; empty: no option
  std::uint8_t scope = 0;                  // SCOPE PREFIX-LENGTH
  std::span<const std::uint8_t> cookie;    // the client's cookie and ours; empty: no option
  std::optional<std::uint16_t> keepalive;  // units of 100 ms
  std::optional<EdeCode> ede;
  std::optional<std::uint16_t> padding;  // octets of zero; the last option
};

[[nodiscard]] std::size_t opt_size(const OptReply& opt);
// Returns the octets written: opt_size(opt). REQUIRES: out has room for them.
std::size_t write_opt(std::span<std::uint8_t> out, const OptReply& opt);

}  // namespace dns
