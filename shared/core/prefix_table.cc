#include "shared/core/prefix_table.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>
#include <type_traits>
#include <utility>

namespace shared {
namespace {

using Key32 = std::uint32_t;

// Below this many segments a plain binary search touches fewer cache lines than an index would.
constexpr std::size_t kIndexFrom = 256;

unsigned common_bits(Key32 a, Key32 b) { return static_cast<unsigned>(std::countl_zero(a ^ b)); }
unsigned common_bits(Key128 a, Key128 b) {
  if (a.high != b.high) return static_cast<unsigned>(std::countl_zero(a.high ^ b.high));
  return 64 + static_cast<unsigned>(std::countl_zero(a.low ^ b.low));
}

Key32 before(Key32 key) { return key - 1; }
Key128 before(Key128 key) { return {key.low == 0 ? key.high - 1 : key.high, key.low - 1}; }

Key32 after(Key32 key) { return key + 1; }
Key128 after(Key128 key) { return {key.low + 1 == 0 ? key.high + 1 : key.high, key.low + 1}; }

// The direct index: `slots` equal parts of the addresses from `first_key`, each 2^shift wide (of the high word in
// IPv6). IPv4: by the first 16 bits. IPv6: global unicast 2000::/3 by its next 17 bits, since all that is assigned lies
// there.
template <class Key>
struct IndexShape;

template <>
struct IndexShape<Key32> {
  static constexpr std::size_t slots = std::size_t{1} << 16;
  static bool inside(Key32) { return true; }
  static std::size_t slot(Key32 key) { return key >> 16; }
  static Key32 first(std::size_t slot) { return static_cast<Key32>(slot) << 16; }
};

template <>
struct IndexShape<Key128> {
  static constexpr std::size_t slots = std::size_t{1} << 17;
  static constexpr unsigned shift = 64 - 3 - 17;
  static bool inside(Key128 key) { return key.high >> 61 == 1; }
  static std::size_t slot(Key128 key) { return (key.high >> shift) & (slots - 1); }
  static Key128 first(std::size_t slot) { return {(std::uint64_t{1} << 61) | (std::uint64_t{slot} << shift), 0}; }
};

template <class Key>
struct Range {
  Key first;
  Key last;
  std::uint32_t value;
  std::size_t row;  // of two equal ranges the later one counts
};

Key32 last_of(Key32 first, unsigned length) {
  return length == 0 ? std::numeric_limits<Key32>::max() : first | ((Key32{1} << (32 - length)) - 1);
}
Key128 last_of(Key128 first, unsigned length) {
  const std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
  if (length <= 64) return {length == 0 ? all : first.high | (length == 64 ? 0 : all >> length), all};
  return {first.high, first.low | (length == 128 ? 0 : all >> (length - 64))};
}

template <class Key>
Key last_key() {
  if constexpr (std::is_same_v<Key, Key32>) return std::numeric_limits<Key32>::max();
  if constexpr (std::is_same_v<Key, Key128>) return last_of(Key128{}, 0);
}

// Nested ranges to segments: a stack of the ranges that are open, the innermost on top.
template <class Key>
SegmentTable<Key> from_ranges(std::vector<Range<Key>> ranges, std::uint32_t fallback) {
  std::ranges::sort(ranges, [](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first < b.first;
    return a.last != b.last ? a.last > b.last : a.row < b.row;
  });
  SegmentTable<Key> table;
  table.append(Key{}, fallback);
  std::vector<Range<Key>> open;
  const auto close = [&] {
    const Key last = open.back().last;
    open.pop_back();
    if (last != last_key<Key>()) table.append(after(last), open.empty() ? fallback : open.back().value);
  };
  for (const auto& range : ranges) {
    while (!open.empty() && open.back().last < range.first) close();
    open.push_back(range);
    table.append(range.first, range.value);
  }
  while (!open.empty()) close();
  table.finish();
  return table;
}

}  // namespace

Key128 v6_key(const IpAddress& address) {
  Key128 key;
  for (std::size_t i = 0; i < 8; ++i) {
    key.high = key.high << 8 | address.bytes[i];
    key.low = key.low << 8 | address.bytes[i + 8];
  }
  return key;
}

IpAddress v6_address(Key128 key) {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(key.high >> (56 - 8 * i));
    bytes[i + 8] = static_cast<std::uint8_t>(key.low >> (56 - 8 * i));
  }
  return IpAddress::v6(bytes);
}

template <class Key>
void SegmentTable<Key>::append(Key start, std::uint32_t value) {
  if (!starts_.empty() && starts_.back() == start) {
    starts_.pop_back();
    values_.pop_back();
  }
  assert(starts_.empty() ? start == Key{} : starts_.back() < start);
  if (!values_.empty() && values_.back() == value) return;
  starts_.push_back(start);
  values_.push_back(value);
}

template <class Key>
void SegmentTable<Key>::finish() {
  assert(!starts_.empty());
  starts_.shrink_to_fit();
  values_.shrink_to_fit();
  if (starts_.size() < kIndexFrom) return;
  using Shape = IndexShape<Key>;
  index_.resize(Shape::slots + 1);
  std::uint32_t segment = 0;
  for (std::size_t slot = 0; slot < Shape::slots; ++slot) {
    while (segment + 1 < starts_.size() && starts_[segment + 1] <= Shape::first(slot)) ++segment;
    index_[slot] = segment;
  }
  // The end of the last slot: the segment that holds its last address.
  while (segment + 1 < starts_.size() && Shape::inside(starts_[segment + 1])) ++segment;
  index_[Shape::slots] = segment;
}

template <class Key>
void SegmentTable<Key>::prefetch_index(Key key) const {
  if (!index_.empty() && IndexShape<Key>::inside(key)) __builtin_prefetch(&index_[IndexShape<Key>::slot(key)]);
}

template <class Key>
void SegmentTable<Key>::prefetch_segments(Key key) const {
  if (index_.empty() || !IndexShape<Key>::inside(key)) return;
  const std::size_t slot = IndexShape<Key>::slot(key);
  const std::size_t middle = (std::size_t{index_[slot]} + index_[slot + 1] + 1) / 2;  // where the search begins
  __builtin_prefetch(&starts_[middle]);
  __builtin_prefetch(&values_[middle]);
}

template <class Key>
PrefixMatch SegmentTable<Key>::lookup(Key key) const {
  std::size_t first = 0;
  std::size_t last = starts_.size() - 1;
  if (!index_.empty() && IndexShape<Key>::inside(key)) {
    const std::size_t slot = IndexShape<Key>::slot(key);
    first = index_[slot];
    last = index_[slot + 1];
  }
  while (first < last) {  // the last segment that starts at or before the key
    const std::size_t middle = (first + last + 1) / 2;
    const bool left = key < starts_[middle];
    last = left ? middle - 1 : last;
    first = left ? first : middle;
  }
  unsigned depth = 0;
  if (first > 0) depth = common_bits(key, before(starts_[first])) + 1;
  if (first + 1 < starts_.size()) depth = std::max(depth, common_bits(key, starts_[first + 1]) + 1);
  return {values_[first], static_cast<std::uint8_t>(depth)};
}

template <class Key>
std::size_t SegmentTable<Key>::memory() const {
  return starts_.capacity() * sizeof(Key) + (values_.capacity() + index_.capacity()) * sizeof(std::uint32_t);
}

template class SegmentTable<Key32>;
template class SegmentTable<Key128>;

PrefixTable::PrefixTable() {
  v4_.append(0, 0);
  v4_.finish();
  v6_.append({}, 0);
  v6_.finish();
}

PrefixTable::PrefixTable(SegmentTable<Key32> v4, SegmentTable<Key128> v6) : v4_(std::move(v4)), v6_(std::move(v6)) {}

PrefixTable PrefixTable::from_rows(std::vector<PrefixRow> rows, std::uint32_t fallback) {
  std::vector<Range<Key32>> v4;
  std::vector<Range<Key128>> v6;
  for (const PrefixRow& row : rows) {
    if (row.prefix.address.family == Family::ipv4) {
      const Key32 first = row.prefix.address.v4_value();
      v4.push_back({first, last_of(first, row.prefix.length), row.value, v4.size()});
    } else {
      const Key128 first = v6_key(row.prefix.address);
      v6.push_back({first, last_of(first, row.prefix.length), row.value, v6.size()});
    }
  }
  return {from_ranges(std::move(v4), fallback), from_ranges(std::move(v6), fallback)};
}

PrefixTableBuilder::PrefixTableBuilder(std::uint32_t fallback) : fallback_(fallback) {
  v4_.append(0, fallback);
  v6_.append({}, fallback);
}

void PrefixTableBuilder::add(const Prefix& prefix, std::uint32_t value) {
  const auto append = [&](auto& table, auto first) {
    table.append(first, value);
    const auto last = last_of(first, prefix.length);
    if (last != last_key<decltype(first)>()) table.append(after(last), fallback_);
  };
  if (prefix.address.family == Family::ipv4) {
    append(v4_, prefix.address.v4_value());
  } else {
    append(v6_, v6_key(prefix.address));
  }
}

PrefixTable PrefixTableBuilder::finish() && {
  v4_.finish();
  v6_.finish();
  return {std::move(v4_), std::move(v6_)};
}

}  // namespace shared
