#include "edge/core/message/grpc.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "shared/core/ascii.h"

namespace edge {
namespace {

constexpr std::string_view kType = "application/grpc";
constexpr std::size_t kMostDigits = 8;

std::optional<std::uint8_t> status_in(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || text.size() > 2 || number > kLastGrpcStatus) return std::nullopt;
  return static_cast<std::uint8_t>(number);
}

std::optional<std::chrono::nanoseconds> unit_of(char unit) {
  switch (unit) {
    case 'H':
      return std::chrono::hours(1);
    case 'M':
      return std::chrono::minutes(1);
    case 'S':
      return std::chrono::seconds(1);
    case 'm':
      return std::chrono::milliseconds(1);
    case 'u':
      return std::chrono::microseconds(1);
    case 'n':
      return std::chrono::nanoseconds(1);
    default:
      return std::nullopt;
  }
}

}  // namespace

bool is_grpc(const http::FieldList& fields) {
  const http::Field* const type = fields.find(http::FieldId::content_type);
  if (type == nullptr || !shared::equals_ignoring_case(type->value.substr(0, kType.size()), kType)) return false;
  const std::string_view rest = type->value.substr(kType.size());
  return rest.empty() || rest[0] == '+' || rest[0] == ';' || rest[0] == ' ';
}

std::optional<shared::Duration> grpc_timeout(const http::FieldList& fields) {
  const http::Field* const field = fields.find("grpc-timeout");
  if (field == nullptr || field->value.size() < 2 || field->value.size() > kMostDigits + 1) return std::nullopt;
  const std::string_view digits = field->value.substr(0, field->value.size() - 1);
  if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  const auto unit = unit_of(field->value.back());
  if (!unit) return std::nullopt;
  std::int64_t count = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  // 99,999,999 hours are more than nanoseconds can count; nobody waits for a year.
  constexpr std::chrono::nanoseconds kMost = std::chrono::hours(24 * 365);
  return *unit > kMost / std::max<std::int64_t>(count, 1) ? kMost : *unit * count;
}

GrpcStatus grpc_status_for(std::uint16_t http_status) {
  switch (http_status) {
    case 200:
      return GrpcStatus::ok;
    case 400:
      return GrpcStatus::internal;
    case 401:
      return GrpcStatus::unauthenticated;
    case 403:
      return GrpcStatus::permission_denied;
    case 404:
      return GrpcStatus::not_served;
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcStatus::unavailable;
    default:
      return GrpcStatus::unknown;
  }
}

std::uint16_t http_status_for(std::uint8_t grpc_status) {
  constexpr std::array<std::uint16_t, kLastGrpcStatus + 1> kStatuses{200, 499, 500, 400, 504, 404, 409, 403, 429,
                                                                     400, 409, 400, 501, 500, 503, 500, 401};
  return grpc_status < kStatuses.size() ? kStatuses[grpc_status] : std::uint16_t{500};
}

std::string_view grpc_status_name(std::uint8_t status) {
  constexpr std::array<std::string_view, kLastGrpcStatus + 1> kNames{
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  return status < kNames.size() ? kNames[status] : std::string_view();
}

std::optional<std::uint8_t> grpc_status_of(const http::FieldList& fields) {
  const http::Field* const field = fields.find("grpc-status");
  return field == nullptr ? std::nullopt : status_in(field->value);
}

std::optional<std::uint8_t> grpc_status_of(std::string_view trailers) {
  constexpr std::string_view kName = "grpc-status:";
  while (!trailers.empty()) {
    const std::size_t end = std::min(trailers.find("\r\n"), trailers.size());
    const std::string_view line = trailers.substr(0, end);
    if (shared::equals_ignoring_case(line.substr(0, kName.size()), kName)) {
      return status_in(shared::trim(line.substr(kName.size())));
    }
    trailers.remove_prefix(std::min(end + 2, trailers.size()));
  }
  return std::nullopt;
}

bool grpc_trailer_allowed(std::string_view name) {
  constexpr std::array<std::string_view, 6> kPrefixes{"content-",        "if-",          "proxy-",
                                                      "access-control-", "x-forwarded-", "sec-"};
  constexpr std::array<std::string_view, 5> kNames{"range", "max-forwards", "www-authenticate", "vary", "pragma"};
  const bool known =
      http::field_id(name) != http::FieldId::other || http::underscore_twin(name) != http::FieldId::other;
  const auto begins = [&](std::string_view prefix) {
    return shared::equals_ignoring_case(name.substr(0, prefix.size()), prefix);
  };
  const auto is = [&](std::string_view other) { return shared::equals_ignoring_case(name, other); };
  return !known && std::ranges::none_of(kPrefixes, begins) && std::ranges::none_of(kNames, is);
}

OwnHead grpc_end(const OwnHead& page, GrpcStatus status, std::string_view message) {
  OwnHead end = page;
  end.status = 200;
  end.length = 0;
  end.grpc_status = static_cast<std::uint8_t>(status);
  end.grpc_message = message;
  return end;
}

std::string grpc_trailers(GrpcStatus status, std::string_view message) {
  std::string lines = "grpc-status: " + std::to_string(static_cast<std::uint8_t>(status)) + "\r\n";
  if (!message.empty()) lines.append("grpc-message: ").append(message).append("\r\n");
  return lines;
}

}  // namespace edge
