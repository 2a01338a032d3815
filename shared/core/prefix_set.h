#pragma once
// PrefixSet: is this address in one of these networks? Built once from a configuration's list, then immutable: sorted,
// disjoint ranges and a binary search, so that ten or ten thousand networks cost about the same. Any thread.

#include <span>
#include <vector>

#include "shared/core/ip.h"

namespace edge {

// ::ffff:192.0.2.1 as 192.0.2.1 (RFC 4291 2.5.5.2); any other address as it is.
[[nodiscard]] shared::IpAddress unmapped(const shared::IpAddress& address);

class PrefixSet {
 public:
  PrefixSet() = default;
  explicit PrefixSet(std::span<const shared::Prefix> prefixes);

  // An IPv4-mapped IPv6 address is looked up as the IPv4 address it carries.
  [[nodiscard]] bool contains(const shared::IpAddress& address) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  bool operator==(const PrefixSet&) const = default;

 private:
  struct Range {
    shared::IpAddress first, last;
    bool operator==(const Range&) const = default;
  };
  std::vector<Range> ranges_;  // ascending; no two overlap
};

}  // namespace edge
