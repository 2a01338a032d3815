#pragma once
// PrivateBlock: the addresses that many networks use for themselves, which as a client's say nothing of where it is
// (RFC 7871 section 10): RFC 1918, shared address space (RFC 6598), loopback, link-local, unique local (RFC 4193).
// Pure, any thread.

#include <array>
#include <cstdint>

#include "shared/core/ip.h"

namespace dns {

// Where an address stands beside these blocks.
struct PrivateBlock {
  bool is_private = false;
  // Private: the length of its block. Public: that of the largest block around it which holds no private address.
  std::uint8_t length = 0;
};

[[nodiscard]] PrivateBlock private_block_of(const shared::IpAddress& address);

// The length of a public address by its first octet alone, as most have it; 0: that octet does not tell. By family.
extern const std::array<std::array<std::uint8_t, 256>, 2> kPublicByOctet;
[[nodiscard]] inline std::uint8_t known_public_length(const shared::IpAddress& address) {
  return kPublicByOctet[static_cast<std::size_t>(address.family)][address.bytes[0]];
}

// Whether a client subnet is of no use to find its clients by; an IPv4 address that is embedded counts as itself.
[[nodiscard]] bool is_private_client(const shared::IpAddress& address);

}  // namespace dns
