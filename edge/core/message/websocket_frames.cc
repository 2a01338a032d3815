#include "edge/core/message/websocket_frames.h"

#include <algorithm>

namespace edge {
namespace {

constexpr std::uint8_t kFin = 0x80;
constexpr std::uint8_t kMask = 0x80;
constexpr std::uint8_t kControl = 0x08;
constexpr std::uint8_t kClose = 0x08;
constexpr std::uint8_t kLongestShort = 125;
constexpr std::uint8_t kLength64 = 127;

}  // namespace

// REQUIRES: two octets of it are there.
std::size_t WebSocketFrames::head_size() const {
  const std::uint8_t length = head_[1] & 0x7F;
  const std::size_t extended = length <= kLongestShort ? 0 : length == kLength64 ? 8 : 2;
  return 2 + extended + ((head_[1] & kMask) != 0 ? 4 : 0);
}

// REQUIRES: the whole head is there.
void WebSocketFrames::begin_payload() {
  const std::uint8_t opcode = head_[0] & 0x0F;
  const std::uint8_t length = head_[1] & 0x7F;
  const bool masked = (head_[1] & kMask) != 0;
  const bool control = (opcode & kControl) != 0;
  std::uint64_t size = length;
  if (length > kLongestShort) {
    size = 0;
    const std::size_t extended = length == kLength64 ? 8 : 2;
    for (std::size_t i = 0; i < extended; ++i) size = size << 8 | head_[2 + i];
  }
  const bool unknown = control ? opcode > 0x0A : opcode > 0x02;
  const bool bad_control = control && (length > kLongestShort || (head_[0] & kFin) == 0);
  lost_ = unknown || bad_control || masked != (sender_ == Sender::client) || size >> 63 != 0;
  have_ = 0;
  payload_left_ = size;
}

std::size_t WebSocketFrames::take_head(std::string_view octets) {
  std::size_t taken = 0;
  while (have_ < 2 || have_ < head_size()) {
    if (taken == octets.size()) return taken;
    head_[have_++] = static_cast<std::uint8_t>(octets[taken++]);
  }
  begin_payload();
  return taken;
}

std::size_t WebSocketFrames::follow_frame(std::string_view octets) {
  std::size_t taken = 0;
  if (payload_left_ == 0) {
    taken = take_head(octets);
    if (have_ > 0 || lost_) return taken;
  }
  const std::uint64_t n = std::min<std::uint64_t>(payload_left_, octets.size() - taken);
  payload_left_ -= n;
  if (payload_left_ == 0 && (head_[0] & 0x0F) == kClose) closed_ = true;
  return taken + static_cast<std::size_t>(n);
}

void WebSocketFrames::follow(std::string_view octets) {
  while (!octets.empty() && !lost_) octets.remove_prefix(follow_frame(octets));
}

std::size_t WebSocketFrames::rest_of_frame(std::string_view octets) const {
  if (at_boundary()) return 0;
  if (lost_) return octets.size();
  WebSocketFrames ahead = *this;
  return ahead.follow_frame(octets);
}

std::array<char, 8> masked_going_away(std::uint32_t key) {
  std::array<char, 8> frame{static_cast<char>(kFin | kClose), static_cast<char>(kMask | 2)};
  for (int i = 0; i < 4; ++i) frame[2 + i] = static_cast<char>(key >> (24 - 8 * i));
  frame[6] = static_cast<char>(kGoingAway[2] ^ frame[2]);
  frame[7] = static_cast<char>(kGoingAway[3] ^ frame[3]);
  return frame;
}

}  // namespace edge
