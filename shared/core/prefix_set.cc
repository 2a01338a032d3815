#include "shared/core/prefix_set.h"

#include <algorithm>

namespace edge {
namespace {

shared::IpAddress last_of(const shared::Prefix& prefix) {
  shared::IpAddress last = prefix.address;
  for (unsigned bit = prefix.length; bit < shared::bits_of(last.family); ++bit) {
    last.bytes[bit / 8] |= static_cast<std::uint8_t>(0x80 >> (bit % 8));
  }
  return last;
}

}  // namespace

shared::IpAddress unmapped(const shared::IpAddress& address) {
  if (address.family != shared::Family::ipv6) return address;
  for (std::size_t i = 0; i < 10; ++i) {
    if (address.bytes[i] != 0) return address;
  }
  if (address.bytes[10] != 0xFF || address.bytes[11] != 0xFF) return address;
  shared::IpAddress v4;
  std::copy_n(address.bytes.begin() + 12, 4, v4.bytes.begin());
  return v4;
}

PrefixSet::PrefixSet(std::span<const shared::Prefix> prefixes) {
  std::vector<Range> sorted;
  sorted.reserve(prefixes.size());
  for (const shared::Prefix& prefix : prefixes) sorted.push_back({prefix.address, last_of(prefix)});
  // Of those that begin at the same address the longest range first.
  std::sort(sorted.begin(), sorted.end(), [](const Range& a, const Range& b) {
    return a.first < b.first || (a.first == b.first && b.last < a.last);
  });
  for (const Range& range : sorted) {
    // Prefixes nest or are disjoint, so a range that begins inside the last one ends inside it too.
    if (!ranges_.empty() && range.first <= ranges_.back().last) continue;
    ranges_.push_back(range);
  }
}

bool PrefixSet::contains(const shared::IpAddress& address) const {
  if (ranges_.empty()) return false;
  const shared::IpAddress wanted = unmapped(address);
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), wanted,
                                      [](const shared::IpAddress& a, const Range& range) { return a < range.first; });
  return after != ranges_.begin() && wanted <= std::prev(after)->last;
}

}  // namespace edge
