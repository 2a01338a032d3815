#include "shared/core/grpc_health.h"

#include <array>

namespace shared {
namespace {

constexpr std::size_t kPrefix = 5;

// A number of Protocol Buffers from the front of `rest`; none: it does not end, or is over 64 bits.
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

bool skip(std::string_view& rest, std::uint64_t size) {
  if (size > rest.size()) return false;
  rest.remove_prefix(size);
  return true;
}

// A value of a field that is not known, by its wire type.
bool pass_over(std::string_view& rest, unsigned type) {
  switch (type) {
    case 0:
      return take_varint(rest).has_value();
    case 1:
      return skip(rest, 8);
    case 2: {
      const auto size = take_varint(rest);
      return size && skip(rest, *size);
    }
    case 5:
      return skip(rest, 4);
    default:
      return false;
  }
}

void append_varint(std::string& out, std::size_t value) {
  for (; value > 0x7F; value >>= 7) out.push_back(static_cast<char>(0x80U | (value & 0x7FU)));
  out.push_back(static_cast<char>(value));
}

}  // namespace

std::string_view name_of(ServingStatus status) {
  constexpr std::array<std::string_view, 4> kNames{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
  return kNames[static_cast<std::size_t>(status)];
}

std::string write_grpc_health_request(std::string_view service) {
  std::string message;
  if (!service.empty()) {
    message.push_back('\x0A');  // field 1, octets with their length
    append_varint(message, service.size());
    message.append(service);
  }
  std::string out(kPrefix, '\0');
  for (std::size_t i = 0; i < 4; ++i) out[kPrefix - 1 - i] = static_cast<char>(message.size() >> (8 * i));
  return out + message;
}

std::optional<ServingStatus> read_grpc_health_response(std::string_view octets) {
  if (octets.size() < kPrefix || octets[0] != '\0') return std::nullopt;
  std::uint64_t length = 0;
  for (std::size_t i = 1; i < kPrefix; ++i) length = length << 8 | static_cast<unsigned char>(octets[i]);
  std::string_view rest = octets.substr(kPrefix);
  if (rest.size() != length) return std::nullopt;
  std::uint64_t status = 0;  // the default of an enumeration is not sent
  while (!rest.empty()) {
    const auto key = take_varint(rest);
    if (!key || *key >> 3 == 0) return std::nullopt;
    if (*key == 0x08) {  // field 1, a number
      const auto value = take_varint(rest);
      if (!value) return std::nullopt;
      status = *value;
    } else if (!pass_over(rest, static_cast<unsigned>(*key & 7U))) {
      return std::nullopt;
    }
  }
  // A status of a later version is none that serves.
  return status <= 3 ? static_cast<ServingStatus>(status) : ServingStatus::unknown;
}

}  // namespace shared
