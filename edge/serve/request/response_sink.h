#pragma once
// ResponseSink: where a response goes: interim heads in order, one of the two starts, the body, its end. Calls never
// wait. Versions, connections that persist, dates and framing are the sink's own affair. One of the project's virtual
// seams: HTTP/1 is one, a stream of HTTP/2 another, and so is whatever stands before one of them. Owned by the client's
// connection; its worker's thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <sys/uio.h>

#include "edge/core/message/header_rules.h"
#include "edge/core/message/rewrite.h"
#include "edge/serve/io/message_writer.h"
#include "edge/serve/io/socket.h"
#include "shared/http/framing.h"
#include "shared/http/head.h"

namespace edge {

class ResponseSink {
 public:
  virtual ~ResponseSink() = default;

  virtual void interim(const http::ResponseHead& head) = 0;
  // A server's answer. With `framing.switched` (101) the response is from now on what the server sends, to its end,
  // and the request what the client does.
  virtual void start(const http::ResponseHead& head, const http::ResponseFraming& framing,
                     const HeaderRules& rules) = 0;
  // A page of the edge's own: exactly `head.length` octets follow, or none where HEAD or the status leaves them out.
  virtual void start(const OwnHead& head) = 0;
  // As MessageWriter has them.
  [[nodiscard]] virtual std::size_t write(std::string_view data) = 0;
  virtual void end(std::string_view trailers) = 0;
  [[nodiscard]] virtual Sent flush() = 0;
  [[nodiscard]] virtual bool failed() const = 0;
  [[nodiscard]] virtual bool blocked() const = 0;
  // Heads and framing included.
  [[nodiscard]] virtual std::uint64_t octets_sent() const = 0;
  // The response cannot be completed: what the client has must not pass for a whole one.
  virtual void cut() = 0;
  // As MessageWriter's: where octets can be passed on as they are, by whom says so with bypassed(); null: nowhere, as
  // under TLS, in HTTP/2, and before anything that looks at them.
  [[nodiscard]] virtual Socket* direct() { return nullptr; }
  virtual void bypassed(std::uint64_t) {}
  // Where up to `most` octets of the body may be received into, so that they need not be copied; then filled(), before
  // any other call. `parts` is what the answer is made of. Empty: nowhere, or not now (blocked()).
  static constexpr std::size_t kParts = 8;
  [[nodiscard]] virtual std::span<const iovec> space(std::uint64_t /*most*/, std::span<iovec, kParts> /*parts*/) {
    return {};
  }
  virtual void filled(std::size_t) {}
};

}  // namespace edge
