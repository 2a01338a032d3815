#include "dns/serve/responder/given_samples.h"

namespace dns {

namespace {

constexpr std::uint64_t kTaken = std::uint64_t{1} << 63;
constexpr std::uint64_t kIpv6 = std::uint64_t{1} << 62;
constexpr std::uint64_t kBySubnet = std::uint64_t{1} << 61;
constexpr unsigned kNameAt = 48;
constexpr std::size_t kOctetsV4 = 3;
constexpr std::size_t kOctetsV6 = 6;

}  // namespace

void GivenSamples::record(PolicyNameId name, const shared::IpAddress& client, bool by_subnet) {
  const bool ipv6 = client.family == shared::Family::ipv6;
  std::uint64_t block = 0;
  for (std::size_t i = 0; i < (ipv6 ? kOctetsV6 : kOctetsV4); ++i) block = block << 8 | client.bytes[i];
  const std::uint64_t head = kTaken | (ipv6 ? kIpv6 : 0) | (by_subnet ? kBySubnet : 0);
  const std::uint64_t id = static_cast<std::uint64_t>(name) << kNameAt;
  ring_[next_].store(head | id | block, std::memory_order_relaxed);
  next_ = (next_ + 1) % kSize;
}

std::optional<GivenSamples::Sample> GivenSamples::read(std::size_t place) const {
  const std::uint64_t word = ring_[place].load(std::memory_order_relaxed);
  if ((word & kTaken) == 0) return std::nullopt;
  Sample sample;
  sample.name = PolicyNameId{static_cast<std::uint32_t>(word >> kNameAt & (kMostNames - 1))};
  sample.by_subnet = (word & kBySubnet) != 0;
  const bool ipv6 = (word & kIpv6) != 0;
  const std::size_t octets = ipv6 ? kOctetsV6 : kOctetsV4;
  sample.client.address.family = ipv6 ? shared::Family::ipv6 : shared::Family::ipv4;
  sample.client.length = static_cast<std::uint8_t>(8 * octets);
  for (std::size_t i = 0; i < octets; ++i) {
    sample.client.address.bytes[i] = static_cast<std::uint8_t>(word >> (8 * (octets - 1 - i)));
  }
  return sample;
}

}  // namespace dns
