// Frames of a WebSocket: boundaries, Close and loss do not depend on how the octets arrive, and what is said to be the
// rest of a frame ends at a boundary.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "edge/core/message/websocket_frames.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  using edge::WebSocketFrames;
  const auto sender = data[0] % 2 == 0 ? WebSocketFrames::Sender::client : WebSocketFrames::Sender::server;
  const std::size_t piece = 1 + data[1] % 32;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 2, size - 2);
  WebSocketFrames whole(sender);
  whole.follow(octets);
  WebSocketFrames pieces(sender);
  for (std::size_t at = 0; at < octets.size(); at += piece) pieces.follow(octets.substr(at, piece));
  require(whole.closed() == pieces.closed() && whole.lost() == pieces.lost());
  require(whole.at_boundary() == pieces.at_boundary());
  WebSocketFrames first(sender);
  const std::size_t split = std::min(piece, octets.size());
  first.follow(octets.substr(0, split));
  const std::string_view behind = octets.substr(split);
  const std::size_t rest = first.rest_of_frame(behind);
  require(rest <= behind.size());
  first.follow(behind.substr(0, rest));
  require(first.at_boundary() || first.lost() || rest == behind.size());
  return 0;
}
