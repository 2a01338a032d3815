#pragma once
// The two messages of grpc.health.v1.Health/Check, each behind gRPC's five octets (compressed?, length): a service's
// name, and how it is. Protocol Buffers as far as these need them; fields that are not known are passed over. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shared {

enum class ServingStatus : std::uint8_t { unknown, serving, not_serving, service_unknown };
[[nodiscard]] std::string_view name_of(ServingStatus status);  // "NOT_SERVING"

// An empty name asks for the server as a whole. REQUIRES: at most kMaxServiceName octets.
inline constexpr std::size_t kMaxServiceName = 1024;
[[nodiscard]] std::string write_grpc_health_request(std::string_view service);

// Exactly one message, uncompressed; none: it is malformed.
[[nodiscard]] std::optional<ServingStatus> read_grpc_health_response(std::string_view octets);

}  // namespace shared
