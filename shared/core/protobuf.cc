#include "shared/core/protobuf.h"

namespace shared::protobuf {
namespace {

constexpr std::uint64_t kMostFields = (std::uint64_t{1} << 29U) - 1;

void put_little(std::string& out, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

std::optional<std::uint64_t> take_little(std::string_view& rest, std::size_t size) {
  if (rest.size() < size) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value |= std::uint64_t{static_cast<unsigned char>(rest[i])} << (8 * i);
  rest.remove_prefix(size);
  return value;
}

}  // namespace

std::size_t varint_size(std::uint64_t value) {
  std::size_t size = 1;
  for (; value > 0x7F; value >>= 7U) ++size;
  return size;
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value > 0x7F; value >>= 7U) out.push_back(static_cast<char>(0x80U | (value & 0x7FU)));
  out.push_back(static_cast<char>(value));
}

void put_key(std::string& out, std::uint32_t field, Wire wire) {
  put_varint(out, std::uint64_t{field} << 3U | static_cast<unsigned>(wire));
}

void put_number(std::string& out, std::uint32_t field, std::uint64_t value) {
  put_key(out, field, Wire::varint);
  put_varint(out, value);
}

void put_fixed64(std::string& out, std::uint32_t field, std::uint64_t value) {
  put_key(out, field, Wire::fixed64);
  put_little(out, value, 8);
}

void put_fixed32(std::string& out, std::uint32_t field, std::uint32_t value) {
  put_key(out, field, Wire::fixed32);
  put_little(out, value, 4);
}

void put_octets(std::string& out, std::uint32_t field, std::string_view octets) {
  put_key(out, field, Wire::octets);
  put_varint(out, octets.size());
  out.append(octets);
}

std::optional<std::uint64_t> take_varint(std::string_view& rest) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
    const auto octet = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    if (shift == 63 && octet > 1) return std::nullopt;
    value |= std::uint64_t{octet & 0x7FU} << shift;
    if ((octet & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

std::optional<Field> take_field(std::string_view& rest) {
  const auto key = take_varint(rest);
  if (!key || *key >> 3U == 0 || *key >> 3U > kMostFields) return std::nullopt;
  Field field{.number = static_cast<std::uint32_t>(*key >> 3U), .wire = static_cast<Wire>(*key & 7U)};
  std::optional<std::uint64_t> value;
  switch (field.wire) {
    case Wire::varint:
    case Wire::octets:
      value = take_varint(rest);
      break;
    case Wire::fixed64:
      value = take_little(rest, 8);
      break;
    case Wire::fixed32:
      value = take_little(rest, 4);
      break;
  }
  if (!value) return std::nullopt;
  if (field.wire != Wire::octets) {
    field.value = *value;
    return field;
  }
  if (*value > rest.size()) return std::nullopt;
  field.octets = rest.substr(0, *value);
  rest.remove_prefix(*value);
  return field;
}

}  // namespace shared::protobuf
