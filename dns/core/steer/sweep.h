#pragma once
// Sweep: walks several prefix tables at once, from border to border; between two borders none of them changes. How
// tables are laid over each other: policies over a geo database, corrections over its rows. For builds; one thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "shared/core/prefix_table.h"

namespace dns {

template <class Key>
[[nodiscard]] const shared::SegmentTable<Key>& half(const shared::PrefixTable& table) {
  if constexpr (std::is_same_v<Key, std::uint32_t>) {
    return table.v4();
  } else {
    return table.v6();
  }
}

[[nodiscard]] inline shared::IpAddress address_of(std::uint32_t key) { return shared::IpAddress::v4(key); }
[[nodiscard]] inline shared::IpAddress address_of(shared::Key128 key) { return shared::v6_address(key); }

// Walks several segment tables of one family at once, from border to border.
template <class Key>
class Sweep {
 public:
  void add(const shared::SegmentTable<Key>& table) { cursors_.push_back({table.starts(), table.values(), 0}); }

  [[nodiscard]] Key start() const { return start_; }
  [[nodiscard]] std::uint32_t value(std::size_t layer) const { return cursors_[layer].values[cursors_[layer].at]; }

  // To the next border of any table; false at the end.
  bool advance() {
    bool more = false;
    Key next{};
    for (const Cursor& cursor : cursors_) {
      if (cursor.at + 1 == cursor.starts.size()) continue;
      if (!more || cursor.starts[cursor.at + 1] < next) next = cursor.starts[cursor.at + 1];
      more = true;
    }
    if (!more) return false;
    for (Cursor& cursor : cursors_) {
      if (cursor.at + 1 < cursor.starts.size() && cursor.starts[cursor.at + 1] == next) ++cursor.at;
    }
    start_ = next;
    return true;
  }

 private:
  struct Cursor {
    std::span<const Key> starts;
    std::span<const std::uint32_t> values;
    std::size_t at;
  };
  std::vector<Cursor> cursors_;
  Key start_{};
};

// The table with each value v replaced by values[v]; neighbours that become equal merge.
[[nodiscard]] shared::PrefixTable with_values(const shared::PrefixTable& table, std::span<const std::uint32_t> values);

}  // namespace dns
