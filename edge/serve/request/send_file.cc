#include "edge/serve/request/send_file.h"

namespace edge {
namespace {

// A piece of the file, through memory: the first one goes with the head, and behind it the rest may go by itself.
Pumped send_piece(FileBody& body, ResponseSink& sink, std::uint64_t& moved) {
  const BodyPiece piece = body.peek();
  if (piece.state == BodyState::failed) return Pumped::source_failed;
  if (piece.state != BodyState::data) return sink.flush() == Sent::failed ? Pumped::sink_failed : Pumped::source_waits;
  const std::size_t n = sink.write(piece.data);
  body.consume(n);
  moved += n;
  if (sink.failed()) return Pumped::sink_failed;
  return n < piece.data.size() && sink.blocked() ? Pumped::sink_blocked : Pumped::turn_over;
}

}  // namespace

Pumped send_file_body(FileBody& body, ResponseSink& sink, bool& first) {
  std::uint64_t moved = 0;
  Pumped pumped = Pumped::turn_over;
  while (pumped == Pumped::turn_over && moved < kPumpShare) {
    Socket* const direct = body.worth_direct() && !first ? sink.direct() : nullptr;
    if (direct != nullptr) {
      std::uint64_t sent = 0;
      pumped = body.send_to(*direct, sent);
      sink.bypassed(sent);
      moved += sent;
    } else if (body.large()) {
      first = false;
      pumped = send_piece(body, sink, moved);
    } else {
      return pump(body, sink, moved);
    }
  }
  return pumped;
}

}  // namespace edge
