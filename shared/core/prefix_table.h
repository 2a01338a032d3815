#pragma once
// PrefixTable: longest-prefix table for IPv4 and IPv6, stored disjoint and merged. Each family's address space is cut
// into segments; a segment runs from its own start to the next segment's start, and neighbours never carry the same
// value:
//
//   0.0.0.0        2.16.0.0         2.32.0.0    ...      starts (sorted)
//   |--- none -----|---- class 3 ---|-- none -- ...      values
//
// So `depth`, the length of the largest aligned prefix around an address whose value is uniform, follows from the two
// borders of its segment and is never stored. A direct index over the leading bits leaves a short binary search.
// Built once, immutable afterwards; any thread.

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "shared/core/ip.h"

namespace shared {

// An IPv6 address as a number.
struct Key128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Key128&) const = default;
};

[[nodiscard]] Key128 v6_key(const IpAddress& address);  // REQUIRES: family is ipv6
[[nodiscard]] IpAddress v6_address(Key128 key);

struct PrefixMatch {
  std::uint32_t value = 0;
  std::uint8_t depth = 0;  // 0..32 or 0..128
};

// One family's half. Key is std::uint32_t (IPv4, host order) or Key128.
template <class Key>
class SegmentTable {
 public:
  // Everything from `start` up to the start of the next call has `value`. A second call with the same start replaces
  // the first. REQUIRES: starts ascend, the first one is zero.
  void append(Key start, std::uint32_t value);
  // Builds the direct index; lookup() may be called from then on. REQUIRES: at least one segment.
  void finish();

  [[nodiscard]] PrefixMatch lookup(Key key) const;
  // For many look-ups at once: asks the memory for the index of the key, then for the segments that the index names.
  void prefetch_index(Key key) const;
  void prefetch_segments(Key key) const;

  [[nodiscard]] std::span<const Key> starts() const { return starts_; }
  [[nodiscard]] std::span<const std::uint32_t> values() const { return values_; }
  [[nodiscard]] std::size_t memory() const;  // bytes

 private:
  std::vector<Key> starts_;
  std::vector<std::uint32_t> values_;
  std::vector<std::uint32_t> index_;  // leading bits -> first segment that may hold such an address
};

struct PrefixRow {
  Prefix prefix;
  std::uint32_t value = 0;
};

class PrefixTable {
 public:
  // One segment per family, of value 0.
  PrefixTable();
  PrefixTable(SegmentTable<std::uint32_t> v4, SegmentTable<Key128> v6);  // both finished

  // Rows may overlap: the most specific wins; of two equal prefixes, the later one. `fallback` is the value elsewhere.
  [[nodiscard]] static PrefixTable from_rows(std::vector<PrefixRow> rows, std::uint32_t fallback);

  [[nodiscard]] PrefixMatch lookup(const IpAddress& address) const {
    return address.family == Family::ipv4 ? v4_.lookup(address.v4_value()) : v6_.lookup(v6_key(address));
  }

  void prefetch_index(const IpAddress& address) const {
    address.family == Family::ipv4 ? v4_.prefetch_index(address.v4_value()) : v6_.prefetch_index(v6_key(address));
  }
  void prefetch_segments(const IpAddress& address) const {
    address.family == Family::ipv4 ? v4_.prefetch_segments(address.v4_value()) : v6_.prefetch_segments(v6_key(address));
  }

  [[nodiscard]] const SegmentTable<std::uint32_t>& v4() const { return v4_; }
  [[nodiscard]] const SegmentTable<Key128>& v6() const { return v6_; }
  [[nodiscard]] std::size_t memory() const { return v4_.memory() + v6_.memory(); }

 private:
  SegmentTable<std::uint32_t> v4_;
  SegmentTable<Key128> v6_;
};

// Builds a table from a stream of disjoint rows, each family in ascending order (the families may be interleaved).
class PrefixTableBuilder {
 public:
  explicit PrefixTableBuilder(std::uint32_t fallback);
  void add(const Prefix& prefix, std::uint32_t value);
  [[nodiscard]] PrefixTable finish() &&;

 private:
  std::uint32_t fallback_;
  SegmentTable<std::uint32_t> v4_;
  SegmentTable<Key128> v6_;
};

}  // namespace shared
