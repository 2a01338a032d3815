#pragma once
// FieldEncoder: field blocks (RFC 7541) for a peer: what the static table has, what the peer's dynamic table has, and
// else literals, of which those that are likely to come again go into the dynamic table. That one is kept small: it is
// memory of each connection. Owned by a connection; one thread.
//
//   char* at = encoder.begin(out);                         room for kBegin octets
//   at = encoder.add(at, name, value); ...                 room for bound(name, value)

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string_view>

#include "edge/core/h2/field_table.h"
#include "shared/http/fields.h"

namespace edge::h2 {

class FieldEncoder {
 public:
  static constexpr std::size_t kMostTable = 2048;  // octets; a dozen fields of a response, and some of its dates
  static constexpr std::size_t kBegin = 8;

  explicit FieldEncoder(std::pmr::memory_resource& memory) : table_(memory) {}

  // SETTINGS_HEADER_TABLE_SIZE of the peer; told with the next block.
  void set_peer_most(std::uint32_t octets);

  [[nodiscard]] static constexpr std::size_t bound(std::string_view name, std::string_view value) {
    return name.size() + value.size() + 16;
  }
  // A block begins; both give where it goes on.
  [[nodiscard]] char* begin(char* out);
  // REQUIRES: `name` is in lower case.
  [[nodiscard]] char* add(char* out, std::string_view name, std::string_view value);
  // A field as HTTP/1 has it, its name in any case.
  [[nodiscard]] char* add(char* out, const http::Field& field);
  [[nodiscard]] char* add_status(char* out, std::uint16_t status);

  [[nodiscard]] const DynamicTable& table() const { return table_; }

 private:
  struct Name {
    std::string_view text;
    std::uint16_t hash = 0;
    std::uint8_t known = 0;  // its place in the static table
  };
  static constexpr std::size_t kRecent = 32;

  [[nodiscard]] std::optional<std::size_t> recall(std::string_view name, std::uint16_t hash,
                                                  std::string_view value) const;
  [[nodiscard]] char* add_new(char* out, const Name& name, std::string_view value);
  [[nodiscard]] static char* literal(char* out, std::uint8_t pattern, unsigned bits, std::size_t index,
                                     std::string_view name, std::string_view value);

  DynamicTable table_;
  // Where fields went, by a hash of theirs: the lowest octet of inserted(). A guess that the table confirms.
  std::array<std::uint8_t, kRecent> recent_{};
  std::uint16_t most_ = kMostTable;
  std::uint16_t least_ = kMostTable;  // since the last block
  bool tell_ = true;                  // the peer believes in 4,096 octets
};

}  // namespace edge::h2
