#include "dns/core/steer/address_rr.h"

#include <array>

namespace dns {

void append_address_rr(std::vector<std::uint8_t>& out, AddressType type, std::uint32_t ttl,
                       const shared::IpAddress& address) {
  const std::uint8_t code = type == AddressType::a ? 1 : 28;  // RFC 1035 3.2.2, RFC 3596 2.1
  const std::uint8_t length = type == AddressType::a ? 4 : 16;
  const auto byte = [ttl](unsigned shift) { return static_cast<std::uint8_t>(ttl >> shift); };
  const std::array<std::uint8_t, 12> head = {0xC0,     0x0C,     0,       code,    0, 1,
                                             byte(24), byte(16), byte(8), byte(0), 0, length};
  out.insert(out.end(), head.begin(), head.end());
  out.insert(out.end(), address.bytes.begin(), address.bytes.begin() + length);
}

}  // namespace dns
