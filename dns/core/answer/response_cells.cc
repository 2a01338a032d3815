#include "dns/core/answer/response_cells.h"

#include <limits>

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

ResponseCells::ResponseCells(std::uint64_t seed) : seed_(seed), lines_(new Line[std::size_t{1} << kLineBits]()) {}

std::uint64_t ResponseCells::key(const shared::IpAddress& client, ResponseKind kind, std::uint64_t account) const {
  const std::uint64_t about = account * kResponseKinds + static_cast<std::uint64_t>(kind);
  return shared::mix(shared::mix(seed_ ^ network_of(client)) ^ about);
}

std::uint64_t ResponseCells::ahead(std::uint64_t word, std::uint64_t now_us) {
  const std::uint64_t distance = (word - now_us) & kTimeMask;
  return distance <= kBurstUs ? distance : 0;
}

bool ResponseCells::admit(std::uint64_t key, std::uint64_t now_us, std::uint32_t interval_us) {
  Line& line = lines_[key >> (64 - kLineBits)];
  const std::uint64_t tag = key & (~std::uint64_t{0} >> kTimeBits);
  std::atomic<std::uint64_t>* place = nullptr;
  std::uint64_t seen = 0;
  std::uint64_t used = 0;
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  for (auto& cell : line.cells) {
    const std::uint64_t word = cell.load(std::memory_order_relaxed);
    const std::uint64_t until = ahead(word, now_us);
    if (word >> kTimeBits == tag) {
      place = &cell;
      seen = word;
      used = until;
      break;
    }
    if (until >= least) continue;
    least = until;
    place = &cell;
    seen = word;
  }
  if (used + interval_us > kBurstUs) return false;
  const std::uint64_t next = tag << kTimeBits | ((now_us + used + interval_us) & kTimeMask);
  (void)place->compare_exchange_strong(seen, next, std::memory_order_relaxed);
  return true;
}

}  // namespace dns
