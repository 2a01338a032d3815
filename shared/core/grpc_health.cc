#include "shared/core/grpc_health.h"

#include <array>

#include "shared/core/protobuf.h"

namespace shared {
namespace {

constexpr std::size_t kPrefix = 5;

}  // namespace

std::string_view name_of(ServingStatus status) {
  constexpr std::array<std::string_view, 4> kNames{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
  return kNames[static_cast<std::size_t>(status)];
}

std::string write_grpc_health_request(std::string_view service) {
  std::string message;
  if (!service.empty()) protobuf::put_octets(message, 1, service);
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
    const auto field = protobuf::take_field(rest);
    if (!field) return std::nullopt;
    if (field->number == 1 && field->wire == protobuf::Wire::varint) status = field->value;
  }
  // A status of a later version is none that serves.
  return status <= 3 ? static_cast<ServingStatus>(status) : ServingStatus::unknown;
}

}  // namespace shared
