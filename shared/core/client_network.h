#pragma once
// Whom a limit of connections is for: an IPv4 address, or an IPv6 /56, which is the least that somebody with IPv6 has.
// Pure, any thread.

#include "shared/core/ip.h"

namespace shared {

[[nodiscard]] inline IpAddress client_network(const IpAddress& address) {
  constexpr unsigned kIpv6Prefix = 56;
  return address.family == Family::ipv4 ? address : address.masked(kIpv6Prefix);
}

}  // namespace shared
