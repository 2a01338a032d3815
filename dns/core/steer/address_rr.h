#pragma once
// One A or AAAA record as it goes into a reply: its owner is a pointer to the question's name. Pure, any thread.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dns/core/steer/steering.h"
#include "shared/core/ip.h"

namespace dns {

// Owner pointer, type, class, TTL, length, address.
[[nodiscard]] constexpr std::size_t address_rr_size(AddressType type) { return type == AddressType::a ? 16 : 28; }

void append_address_rr(std::vector<std::uint8_t>& out, AddressType type, std::uint32_t ttl,
                       const shared::IpAddress& address);

}  // namespace dns
