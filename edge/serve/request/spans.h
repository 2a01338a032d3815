#pragma once
// Spans: what is told of a request whose trace is recorded, to the worker's SpanLane: a SERVER span for the request,
// and below it a CLIENT span for each attempt at a server, whose id the server gets in `traceparent`. Names of
// attributes are those of OpenTelemetry's semantic conventions for HTTP and RPC; what has none begins with "meridian.".
// In serve_one's frame; its worker's thread.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edge/core/message/errors.h"
#include "edge/core/pool/pool.h"
#include "shared/core/ip.h"
#include "shared/core/time.h"

namespace edge {

struct Request;

// The trace that the request belongs to, or begins; once, as soon as somebody has to know.
void begin_trace(Request& request);

// The request is over: its span, if its trace is recorded.
void tell_span(Request& request);

// Of one attempt. REQUIRES: the request's trace is recorded.
class AttemptSpan {
 public:
  enum class Why : std::uint8_t { first, retry, hedge };

  AttemptSpan(Request& request, Why why);

  // For the server.
  [[nodiscard]] const std::string& traceparent() const { return traceparent_; }

  struct End {
    const Server& server;
    shared::TimePoint began;
    const shared::Endpoint* where = nullptr;  // null: nobody knows, or it came to no connection
    bool reused = false;                      // a connection that was kept
    std::uint16_t status = 0;                 // of the answer; 0: none came
    std::optional<std::uint8_t> grpc_status{};
    const Error* error = nullptr;  // null: the whole answer came
    bool cancelled = false;        // nobody has waited for its end
  };
  void tell(const End& end) const;

 private:
  Request& request_;
  Why why_;
  std::size_t number_;  // of the request's attempts, from 1
  std::string traceparent_;
};

}  // namespace edge
