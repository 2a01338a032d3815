#pragma once
// Error: what can go wrong while a request is served, as a small value with the side at fault; retry.h says when
// another server may be tried. A message that breaks the protocol is an http::Refusal. No allocation; every `detail` is
// a literal. Any thread.

#include <cstdint>
#include <string_view>

#include "shared/http/refusal.h"

namespace edge {

enum class Side : std::uint8_t { client, upstream, internal };

enum class ErrorKind : std::uint8_t {
  bad_request,       // 400, 405, 414, 417, 431, 501: what the Refusal says
  request_timeout,   // 408: head or body came too slowly
  client_closed,     // 499 in the log; nobody is left to answer
  body_too_large,    // 413
  no_route,          // 404
  forbidden,         // 403: not in the route's allow list
  rate_limited,      // 429: over a limit of the route
  unauthorized,      // 401: the route wants to know who asks
  maintenance,       // 503: the route is being worked on
  no_server,         // 503: the pool has no usable server here
  overloaded,        // 503: no place at the pool's servers, nor in its queue, or none in time
  connect_refused,   // 502
  connect_timeout,   // 504
  tls_failed,        // 502: no TLS with the server: its certificate is not good, or nothing was agreed on
  upstream_reset,    // 502: closed or reset before the whole response was read
  upstream_timeout,  // 504: no byte within `read`, or no progress within `send`
  deadline,          // 504: the client's own deadline, of a gRPC call, has passed
  bad_response,      // 502: the upstream broke the protocol
  no_websocket,      // 502: the upstream speaks HTTP/2 and takes no WebSocket over it (RFC 8441)
  idle,              // a connection to a pool on which nothing moved for its time
  drained,           // likewise, cut since the process ends
  not_cached,        // 504: only-if-cached, and it is not
  exhausted,         // 503: this process has no descriptor, port or memory left to reach a server
  internal,          // 500
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  Side side = Side::internal;
  std::string_view detail;  // a literal: "upstream closed inside the body"
};

// The status that a client sees for an error; 499 stands for "the client left".
[[nodiscard]] std::uint16_t status_of(ErrorKind kind);
// Nobody is there, or nobody whom we trust: another server is worth a try even if its checks say otherwise.
[[nodiscard]] constexpr bool is_unreachable(ErrorKind kind) {
  return kind == ErrorKind::connect_refused || kind == ErrorKind::tls_failed;
}
// What a refused request counts as; its status is the Refusal's.
[[nodiscard]] ErrorKind kind_of(const http::Refusal& refusal);
// "no_server": for logs and metrics.
[[nodiscard]] std::string_view name_of(ErrorKind kind);

// One letter for how a request ended, for the access log; docs/operations.md has the table.
inline constexpr char kEndedWell = '-';
inline constexpr char kEndedCut = 'x';  // the server failed inside its answer: the client saw it cut off
[[nodiscard]] char ending_of(ErrorKind kind);

}  // namespace edge
