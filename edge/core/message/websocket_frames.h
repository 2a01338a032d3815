#pragma once
// WebSocketFrames: follows one direction of a WebSocket (RFC 6455 section 5.2) as far as somebody needs to know who
// only passes it on: where a frame ends, so that one of his own may stand between two, and whether a Close has gone by.
// Payloads are skipped, extensions are none of its business. Value type; whoever passes the octets on owns it.
//
//   FIN RSV(3) opcode(4) | MASK length(7) | [length 16 or 64] | [masking key 32] | payload

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace edge {

class WebSocketFrames {
 public:
  enum class Sender : std::uint8_t { client, server };  // a client masks what it sends, a server never does

  explicit WebSocketFrames(Sender sender) : sender_(sender) {}

  void follow(std::string_view octets);
  // How many of these octets belong to the frame that is under way: none at a boundary.
  [[nodiscard]] std::size_t rest_of_frame(std::string_view octets) const;

  // Nothing of a frame has come of which more is to come.
  [[nodiscard]] bool at_boundary() const { return !lost_ && have_ == 0 && payload_left_ == 0; }
  // A whole Close has gone by: nothing but the end of the connection follows.
  [[nodiscard]] bool closed() const { return closed_; }
  // What came is no WebSocket: nothing is known any more.
  [[nodiscard]] bool lost() const { return lost_; }

 private:
  static constexpr std::size_t kLongestHead = 14;

  // Takes octets of one frame at most; returns how many.
  std::size_t follow_frame(std::string_view octets);
  std::size_t take_head(std::string_view octets);
  void begin_payload();
  [[nodiscard]] std::size_t head_size() const;

  Sender sender_;
  std::array<std::uint8_t, kLongestHead> head_{};
  std::uint8_t have_ = 0;  // octets of the head
  bool closed_ = false;
  bool lost_ = false;
  std::uint64_t payload_left_ = 0;
};

// 1001, "going away" (section 7.4.1), without a reason: from a server, and from a client with this masking key.
inline constexpr std::string_view kGoingAway("\x88\x02\x03\xE9", 4);
[[nodiscard]] std::array<char, 8> masked_going_away(std::uint32_t key);

}  // namespace edge
