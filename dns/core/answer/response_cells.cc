#include "dns/core/answer/response_cells.h"

#include "shared/core/hash.h"

namespace dns {

namespace {

constexpr std::size_t kIpv4Octets = 3;  // /24
constexpr std::size_t kIpv6Octets = 7;  // /56

std::uint64_t network_of(const shared::IpAddress& client) {
  const bool ipv4 = client.family == shared::Family::ipv4;
  std::uint64_t network = ipv4 ? 4 : 6;
  for (std::size_t i = 0; i < (ipv4 ? kIpv4Octets : kIpv6Octets); ++i) network = network << 8 | client.bytes[i];
  return network;
}

}  // namespace

std::uint64_t ResponseCells::key(const shared::IpAddress& client, ResponseKind kind, std::uint64_t account) const {
  const std::uint64_t about = account * kResponseKinds + static_cast<std::uint64_t>(kind);
  return shared::mix(shared::mix(seed_ ^ network_of(client)) ^ about);
}

}  // namespace dns
