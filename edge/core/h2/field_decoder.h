#pragma once
// FieldDecoder: field blocks (RFC 7541) as a peer sends them, in fragments of any size, field by field. What of a field
// has not come is kept, no more than kMostWaiting octets; between two blocks it holds nothing but its table. Owned by a
// connection; one thread.
//
//   decoder.feed(fragment, last);                     the fragment stays where it is until next() says more or end
//   while ((got = decoder.next()).state == field)     views are valid until the next call

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string_view>

#include "edge/core/h2/field_table.h"
#include "edge/core/h2/octet_buffer.h"

namespace edge::h2 {

class FieldDecoder {
 public:
  static constexpr std::size_t kMostString = 64 * 1024;  // octets of a name or value as it is sent
  static constexpr std::size_t kMostWaiting = kMostString + 64;

  enum class State : std::uint8_t {
    field,
    more,   // the fragment is used up
    end,    // so is the block
    error,  // the connection's end: COMPRESSION_ERROR
  };
  struct Got {
    State state = State::error;
    std::uint8_t known = 0;  // its name's place in the static table, if it was taken from there; else 0
    FieldPair field{};
  };

  explicit FieldDecoder(std::pmr::memory_resource& memory)
      : table_(memory), rest_(memory), name_(memory), value_(memory) {}

  // REQUIRES: next() has said `more` or `end` since the last one.
  void feed(std::string_view fragment, bool last);
  [[nodiscard]] Got next();

  [[nodiscard]] const DynamicTable& table() const { return table_; }
  [[nodiscard]] std::size_t memory() const {
    return table_.memory() + rest_.capacity() + name_.capacity() + value_.capacity();
  }

 private:
  enum class Read : std::uint8_t { ok, short_, error };
  struct Number {
    Read read = Read::short_;
    std::uint32_t value = 0;
  };
  struct Text {
    Read read = Read::short_;
    std::string_view text;
  };

  [[nodiscard]] Number number(const char*& at, unsigned bits) const;
  [[nodiscard]] Text text(const char*& at, OctetBuffer& decoded) const;
  [[nodiscard]] Read read_field(Got& got);
  [[nodiscard]] Read indexed(const char* at, Got& got);
  [[nodiscard]] Read literal(const char* at, unsigned bits, Got& got);
  [[nodiscard]] Read resize(const char* at);
  [[nodiscard]] bool look_up(std::uint32_t index, Got& got) const;
  [[nodiscard]] Got stop();

  DynamicTable table_;
  OctetBuffer rest_;   // of a field whose end has not come
  OctetBuffer name_;   // decoded
  OctetBuffer value_;  // likewise
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  bool last_ = true;
  bool begun_ = false;  // a field of the block has been read
};

}  // namespace edge::h2
