#pragma once
// The tables that fields are referred to by (RFC 7541 2.3): the static one, which everybody has, and the dynamic one,
// which each side of a connection grows as fields come. The latter takes no memory before its first field, and no more
// than its fields need and a third of that.
//
//   slots_   [ ... | oldest | .. | newest | ... ]    a ring: where an entry's octets begin, and how many there are
//   text_    [ free | name value | name value | .. | free ]    oldest first; what is live moves to the front when the
//                                                              end is reached
//
// Owned by a decoder or an encoder; one thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string_view>

#include "shared/http/fields.h"

namespace edge::h2 {

struct FieldPair {
  std::string_view name;
  std::string_view value;
};

inline constexpr std::size_t kStaticFields = 61;
extern const std::array<FieldPair, kStaticFields> kStaticTable;  // index 1 first

// Of names: by their length and three of their octets.
[[nodiscard]] constexpr std::uint16_t name_hash(std::string_view name) {
  if (name.empty()) return 0;
  const auto octet = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(name[i])); };
  const std::size_t size = name.size();
  return static_cast<std::uint16_t>(size * 7 + octet(size - 1) * 517 + octet(size / 2) * 31 + octet(0));
}

// Where the static table has a name, and the value with it; 0: it has not.
struct StaticPlace {
  std::uint8_t name = 0;
  std::uint8_t field = 0;
};
[[nodiscard]] StaticPlace find_static(std::string_view name, std::string_view value, std::uint16_t hash);
// What the edge calls the name at that place; `other` for those that it does not know, and for 0.
[[nodiscard]] http::FieldId field_id_at(std::uint8_t place);

class DynamicTable {
 public:
  static constexpr std::size_t kMost = 4096;    // octets as 4.1 counts them
  static constexpr std::size_t kOverhead = 32;  // of an entry

  explicit DynamicTable(std::pmr::memory_resource& memory) : memory_(&memory) {}
  ~DynamicTable();
  DynamicTable(const DynamicTable&) = delete;
  DynamicTable& operator=(const DynamicTable&) = delete;

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t size() const { return size_; }  // as 4.1 counts
  [[nodiscard]] std::size_t most() const { return most_; }
  [[nodiscard]] std::size_t memory() const { return text_capacity_ + slots_capacity_ * sizeof(Slot); }
  // The newest is 0. Valid until the next insert() or set_most(). REQUIRES: i < count().
  [[nodiscard]] FieldPair at(std::size_t i) const;
  // What insert() was given with it. REQUIRES: as above.
  [[nodiscard]] std::uint16_t hash_at(std::size_t i) const { return slot(i).hash; }
  // Where it has the field, or else the newest of its name, and how many of that.
  struct Found {
    std::optional<std::size_t> field;
    std::optional<std::size_t> name;
    std::size_t names = 0;
  };
  [[nodiscard]] Found find(std::string_view name, std::string_view value, std::uint16_t hash) const;

  // Fields inserted ever, and around: with it, at(inserted() - 1 - n) is the n-th as long as it is there.
  [[nodiscard]] std::uint16_t inserted() const { return next_; }
  // Is that the field of this age? False: another one, or none any more.
  [[nodiscard]] bool holds(std::size_t age, std::string_view name, std::string_view value) const;

  // Makes room as 4.4 says; a field that is larger than the table empties it. `hash` is name_hash() for who will
  // find(), and else whatever is to be kept with it. REQUIRES: neither is this table's memory.
  void insert(std::string_view name, std::string_view value, std::uint16_t hash = 0);
  void set_most(std::size_t most);  // REQUIRES: at most kMost

 private:
  struct Slot {
    std::uint16_t at;  // counted on from the first octet ever, and around
    std::uint16_t name;
    std::uint16_t value;
    std::uint16_t hash;
  };

  [[nodiscard]] Slot& slot(std::size_t age) const { return slots_[(next_ - 1 - age) & (slots_capacity_ - 1)]; }
  [[nodiscard]] const char* text_of(const Slot& slot) const {
    return text_ + static_cast<std::uint16_t>(slot.at - base_);
  }
  void evict_to(std::size_t size);
  void make_text_room(std::size_t n);
  void make_slot_room();

  std::pmr::memory_resource* memory_;
  char* text_ = nullptr;
  Slot* slots_ = nullptr;
  std::uint16_t text_capacity_ = 0;
  std::uint16_t slots_capacity_ = 0;  // a power of two
  std::uint16_t next_ = 0;            // the slot that is next
  std::uint16_t count_ = 0;
  std::uint16_t base_ = 0;  // the `at` of text_'s first octet
  std::uint16_t begin_ = 0;
  std::uint16_t end_ = 0;
  std::uint16_t size_ = 0;
  std::uint16_t most_ = kMost;
};

}  // namespace edge::h2
