#pragma once
// Exchange: one request and its response, whatever protocol the client speaks. It owns the request's head, lets the
// body be pulled in pieces and queues what is answered. Calls never wait: `wait` and `blocked` mean: sleep on waiter().
// One of the project's three virtual seams (HTTP/1 now, HTTP/2 next). Owned by the client's connection; its worker's
// thread.

#include <cstdint>
#include <string_view>

#include "edge/core/message/header_rules.h"
#include "edge/core/message/rewrite.h"
#include "edge/serve/io/body_reader.h"
#include "edge/serve/io/buffers.h"
#include "edge/serve/io/message_writer.h"
#include "edge/serve/io/socket.h"
#include "shared/core/ip.h"
#include "shared/http/framing.h"

namespace edge {

class Exchange {
 public:
  virtual ~Exchange() = default;

  // The request. Views are valid until the exchange is over.
  [[nodiscard]] virtual const http::RequestHead& head() const = 0;
  [[nodiscard]] virtual const http::RequestFraming& framing() const = 0;
  [[nodiscard]] virtual const shared::IpAddress& peer() const = 0;
  [[nodiscard]] virtual std::string_view scheme() const = 0;
  // When the head's first byte and its last one were seen.
  [[nodiscard]] virtual shared::TimePoint began() const = 0;
  [[nodiscard]] virtual shared::TimePoint head_read() const = 0;

  // Its body, as BodyReader has it.
  [[nodiscard]] virtual BodyPiece peek() = 0;
  virtual void consume(std::size_t n) = 0;
  [[nodiscard]] virtual BodyFailure body_failure() const = 0;
  [[nodiscard]] virtual std::uint64_t body_octets() const = 0;  // consumed
  [[nodiscard]] virtual std::string_view trailers() const = 0;
  // The client waits for `100 Continue` before it sends the body: tell it to go on, once.
  virtual void invite_body() = 0;

  // The response: interim heads in order, then one of the two starts, then the body as MessageWriter has it.
  virtual void queue_interim(const http::ResponseHead& head) = 0;
  virtual void start_response(const http::ResponseHead& head, const http::ResponseFraming& framing,
                              const HeaderRules& rules) = 0;
  // After a 101: the body is from now on what the client sends, to its end, and so is the response.
  virtual void begin_tunnel() = 0;
  // A whole response of the edge's own; `persistence` may only be lowered to close.
  virtual void respond(OwnResponse response) = 0;
  [[nodiscard]] virtual std::size_t write(std::string_view data) = 0;
  virtual void end(std::string_view trailers) = 0;
  [[nodiscard]] virtual Sent flush() = 0;
  // As MessageWriter's; null where octets are not passed on as they are (TLS, HTTP/2).
  [[nodiscard]] virtual Socket* direct() = 0;
  virtual void bypassed(std::uint64_t n) = 0;
  [[nodiscard]] virtual bool failed() const = 0;
  [[nodiscard]] virtual bool blocked() const = 0;
  [[nodiscard]] virtual std::uint64_t octets_sent() const = 0;
  // The response cannot be completed: what the client has must not pass for a whole one.
  virtual void cut() = 0;

  // Where serve_one sleeps, and the memory that the exchange has for it.
  [[nodiscard]] virtual Waiter& waiter() = 0;
  [[nodiscard]] virtual Work& work() = 0;
  // The client has broken the connection: there is nobody to answer.
  [[nodiscard]] virtual bool abandoned() const = 0;
};

}  // namespace edge
