#pragma once
// pump(): moves a body from a source (peek, consume, trailers) to a sink (write, end, flush, failed) until one of them
// blocks. Neither ever waits; the same loop serves both directions.

#include <cstdint>

#include "edge/serve/io/body_reader.h"
#include "edge/serve/io/message_writer.h"

namespace edge {

enum class Pumped : std::uint8_t { source_waits, sink_blocked, turn_over, done, source_failed, sink_failed };

inline constexpr std::uint64_t kPumpShare = 256 * 1024;  // octets in one go: other connections want their turn

template <class Source, class Sink>
[[nodiscard]] Pumped pump(Source& from, Sink& to, std::uint64_t& moved) {
  for (std::uint64_t taken = 0; taken < kPumpShare;) {
    const BodyPiece piece = from.peek();
    if (piece.state == BodyState::failed) return Pumped::source_failed;
    if (piece.state != BodyState::data) {
      if (piece.state == BodyState::end) to.end(from.trailers());
      const Sent sent = to.flush();
      if (sent == Sent::failed) return Pumped::sink_failed;
      if (piece.state == BodyState::wait) return Pumped::source_waits;
      return sent == Sent::all ? Pumped::done : Pumped::sink_blocked;
    }
    const std::size_t n = to.write(piece.data);
    from.consume(n);
    moved += n;
    taken += n;
    if (to.failed()) return Pumped::sink_failed;
    if (n < piece.data.size() && to.blocked()) return Pumped::sink_blocked;
  }
  return Pumped::turn_over;
}

}  // namespace edge
