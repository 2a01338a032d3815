#pragma once
// Protobuf: the wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding), for messages of a handful
// of fields: written field by field, and read one field after another. What a field means is its user's affair. Pure
// functions; any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shared::protobuf {

enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, octets = 2, fixed32 = 5 };

[[nodiscard]] std::size_t varint_size(std::uint64_t value);
void put_varint(std::string& out, std::uint64_t value);
// What stands before a value.
void put_key(std::string& out, std::uint32_t field, Wire wire);

void put_number(std::string& out, std::uint32_t field, std::uint64_t value);
void put_fixed64(std::string& out, std::uint32_t field, std::uint64_t value);
void put_fixed32(std::string& out, std::uint32_t field, std::uint32_t value);
// Text, octets, or a message within.
void put_octets(std::string& out, std::uint32_t field, std::string_view octets);

struct Field {
  std::uint32_t number = 0;
  Wire wire = Wire::varint;
  std::uint64_t value = 0;    // of all but octets
  std::string_view octets{};  // points into what was read
};

// A number from the front of `rest`; none: it does not end, or is over 64 bits.
[[nodiscard]] std::optional<std::uint64_t> take_varint(std::string_view& rest);
// The field at the front of `rest`; none: malformed, or of a wire type that is no longer used.
[[nodiscard]] std::optional<Field> take_field(std::string_view& rest);

}  // namespace shared::protobuf
