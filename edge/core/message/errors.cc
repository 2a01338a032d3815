#include "edge/core/message/errors.h"

#include <array>
#include <cstddef>

namespace edge {
namespace {

struct KindRow {
  std::uint16_t status;
  std::string_view name;
  char ending;
};

// By ErrorKind.
constexpr std::array<KindRow, 24> kKinds{{
    {400, "bad_request", 'R'},     {408, "request_timeout", 'T'},
    {499, "client_closed", 'C'},   {413, "body_too_large", 'R'},
    {404, "no_route", 'R'},        {403, "forbidden", 'R'},
    {429, "rate_limited", 'Q'},    {401, "unauthorized", 'U'},
    {503, "maintenance", 'M'},     {503, "no_server", 'N'},
    {503, "overloaded", 'F'},      {502, "connect_refused", 'c'},
    {504, "connect_timeout", 't'}, {502, "tls_failed", 's'},
    {502, "upstream_reset", 'r'},  {504, "upstream_timeout", 'o'},
    {504, "deadline", 'e'},        {502, "bad_response", 'g'},
    {502, "no_websocket", 'w'},    {408, "idle", 'i'},
    {503, "drained", 'd'},         {504, "not_cached", 'A'},
    {503, "exhausted", 'L'},       {500, "internal", 'I'},
}};
static_assert(kKinds.size() == static_cast<std::size_t>(ErrorKind::internal) + 1);

}  // namespace

std::uint16_t status_of(ErrorKind kind) { return kKinds[static_cast<std::size_t>(kind)].status; }

ErrorKind kind_of(const http::Refusal& refusal) {
  switch (refusal.status) {
    case 401:
      return ErrorKind::unauthorized;
    case 403:
      return ErrorKind::forbidden;
    case 404:
      return ErrorKind::no_route;
    case 408:
      return ErrorKind::request_timeout;
    case 413:
      return ErrorKind::body_too_large;
    case 429:
      return ErrorKind::rate_limited;
    case 503:
      return ErrorKind::exhausted;
    default:
      return ErrorKind::bad_request;
  }
}

std::string_view name_of(ErrorKind kind) { return kKinds[static_cast<std::size_t>(kind)].name; }

char ending_of(ErrorKind kind) { return kKinds[static_cast<std::size_t>(kind)].ending; }

}  // namespace edge
