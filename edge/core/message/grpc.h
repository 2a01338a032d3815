#pragma once
// gRPC over HTTP/2, as far as a proxy has to know it: which requests are calls, how long they may take, how a status of
// HTTP and one of gRPC become each other, and which trailers are a call's. Pure functions, any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edge/core/message/rewrite.h"
#include "shared/core/time.h"
#include "shared/http/fields.h"

namespace edge {

// Of a call's end; those that the edge itself gives, or looks at.
enum class GrpcStatus : std::uint8_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  deadline_exceeded = 4,
  not_found = 5,
  permission_denied = 7,
  resource_exhausted = 8,
  not_served = 12,
  internal = 13,
  unavailable = 14,
  unauthenticated = 16,
};
inline constexpr std::uint8_t kLastGrpcStatus = 16;

// "UNAVAILABLE"; of what is no status of gRPC its number is no name: empty.
[[nodiscard]] std::string_view grpc_status_name(std::uint8_t status);

// "application/grpc", with "+proto" or the like behind it, and parameters. Not application/grpc-web, which is HTTP/1's.
[[nodiscard]] bool is_grpc(const http::FieldList& fields);

// "10S", "250m" (milliseconds), "3H": at most eight digits and a unit. Absent or malformed: none.
[[nodiscard]] std::optional<shared::Duration> grpc_timeout(const http::FieldList& fields);

// For a client that was given this status of HTTP and no grpc-status ("HTTP to gRPC Status Code Mapping").
[[nodiscard]] GrpcStatus grpc_status_for(std::uint16_t http_status);
// What a call's end would have been as HTTP: for pools, which judge servers by that.
[[nodiscard]] std::uint16_t http_status_for(std::uint8_t grpc_status);

// grpc-status among a head's fields, or in trailers' lines; none: it is not there, or is no number of gRPC's.
[[nodiscard]] std::optional<std::uint8_t> grpc_status_of(const http::FieldList& fields);
[[nodiscard]] std::optional<std::uint8_t> grpc_status_of(std::string_view trailers);

// A call's own metadata may have any name but those that mean something to who frames, routes, lets in or keeps
// messages (RFC 9110 6.5.1).
[[nodiscard]] bool grpc_trailer_allowed(std::string_view name);

// The page of the edge's own as a call's end: 200, no body, the status in the head (Trailers-Only). `message` is ASCII
// and outlives it.
[[nodiscard]] OwnHead grpc_end(const OwnHead& page, GrpcStatus status, std::string_view message);
// The same as trailers, for a call whose answer has begun.
[[nodiscard]] std::string grpc_trailers(GrpcStatus status, std::string_view message);

}  // namespace edge
