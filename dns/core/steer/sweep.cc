#include "dns/core/steer/sweep.h"

namespace dns {
namespace {

template <class Key>
shared::SegmentTable<Key> renamed(const shared::SegmentTable<Key>& table, std::span<const std::uint32_t> values) {
  shared::SegmentTable<Key> out;
  for (std::size_t i = 0; i < table.starts().size(); ++i) out.append(table.starts()[i], values[table.values()[i]]);
  out.finish();
  return out;
}

}  // namespace

shared::PrefixTable with_values(const shared::PrefixTable& table, std::span<const std::uint32_t> values) {
  return {renamed(table.v4(), values), renamed(table.v6(), values)};
}

}  // namespace dns
