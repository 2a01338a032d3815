#pragma once
// The words of HTTP/2 (RFC 9113, 9218, 8441) as octets on the wire: frames' types and flags, settings, error codes, and
// small frames made whole. Pure functions, any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace edge::h2 {

inline constexpr std::size_t kFrameHead = 9;      // octets (4.1)
inline constexpr std::size_t kMaxFrame = 16'384;  // octets of a payload that each side takes (4.2); we ask for no more
inline constexpr std::int32_t kFirstWindow = 65'535;  // of a connection and its streams, unless told (6.9.2)
inline constexpr std::int32_t kMaxWindow = 0x7FFFFFFF;
inline constexpr std::int32_t kMaxStream = 0x7FFFFFFF;
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // 3.4

// Section 7.
enum class Error : std::uint32_t {
  none,
  protocol,
  internal,
  flow_control,
  settings_timeout,
  stream_closed,
  frame_size,
  refused_stream,
  cancel,
  compression,
  connect,
  enhance_your_calm,
  inadequate_security,
  http_1_1_required,
};

// Section 6; whatever else comes is ignored (5.5).
enum class FrameType : std::uint8_t {
  data,
  headers,
  priority,
  rst_stream,
  settings,
  push_promise,
  ping,
  goaway,
  window_update,
  continuation,
  priority_update = 0x10,  // RFC 9218 7.1
};

inline constexpr std::uint8_t kEndStream = 0x1;  // DATA, HEADERS
inline constexpr std::uint8_t kAck = 0x1;        // SETTINGS, PING
inline constexpr std::uint8_t kEndHeaders = 0x4;
inline constexpr std::uint8_t kPadded = 0x8;
inline constexpr std::uint8_t kPriorityFlag = 0x20;

// 6.5.2
enum class Setting : std::uint16_t {
  header_table_size = 1,
  enable_push,
  max_concurrent_streams,
  initial_window_size,
  max_frame_size,
  max_header_list_size,
  enable_connect_protocol = 8,  // RFC 8441
  no_rfc7540_priorities,        // RFC 9218
};
struct SettingValue {
  Setting setting{};
  std::uint32_t value = 0;
};

[[nodiscard]] inline std::uint32_t read_number(std::string_view octets, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = at; i < at + size; ++i) value = value << 8 | static_cast<std::uint8_t>(octets[i]);
  return value;
}

// REQUIRES: room for `size` octets.
inline void put_number(char* at, std::uint32_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) at[i] = static_cast<char>(value >> (8 * (size - 1 - i)));
}

// REQUIRES: room for kFrameHead octets.
inline void put_frame_head(char* at, std::size_t length, FrameType type, std::uint8_t flags, std::int32_t stream) {
  put_number(at, static_cast<std::uint32_t>(length), 3);
  at[3] = static_cast<char>(type);
  at[4] = static_cast<char>(flags);
  put_number(at + 5, static_cast<std::uint32_t>(stream), 4);
}

template <std::size_t N>
using Small = std::array<char, kFrameHead + N>;  // a frame with a payload of N octets
template <std::size_t N>
[[nodiscard]] std::string_view octets_of(const std::array<char, N>& frame) {
  return {frame.data(), frame.size()};
}

[[nodiscard]] inline Small<4> rst_stream(std::int32_t stream, Error error) {
  Small<4> frame;
  put_frame_head(frame.data(), 4, FrameType::rst_stream, 0, stream);
  put_number(frame.data() + kFrameHead, static_cast<std::uint32_t>(error), 4);
  return frame;
}

[[nodiscard]] inline Small<4> window_update(std::int32_t stream, std::uint32_t increment) {
  Small<4> frame;
  put_frame_head(frame.data(), 4, FrameType::window_update, 0, stream);
  put_number(frame.data() + kFrameHead, increment, 4);
  return frame;
}

[[nodiscard]] inline Small<8> goaway(std::int32_t last_stream, Error error) {
  Small<8> frame;
  put_frame_head(frame.data(), 8, FrameType::goaway, 0, 0);
  put_number(frame.data() + kFrameHead, static_cast<std::uint32_t>(last_stream), 4);
  put_number(frame.data() + kFrameHead + 4, static_cast<std::uint32_t>(error), 4);
  return frame;
}

// REQUIRES: `payload` has eight octets.
[[nodiscard]] inline Small<8> ping(std::string_view payload, std::uint8_t flags) {
  Small<8> frame;
  put_frame_head(frame.data(), 8, FrameType::ping, flags, 0);
  for (std::size_t i = 0; i < 8; ++i) frame[kFrameHead + i] = payload[i];
  return frame;
}

[[nodiscard]] inline Small<0> settings_ack() {
  Small<0> frame;
  put_frame_head(frame.data(), 0, FrameType::settings, kAck, 0);
  return frame;
}

template <std::size_t N>
[[nodiscard]] Small<6 * N> settings(const std::array<SettingValue, N>& values) {
  Small<6 * N> frame;
  put_frame_head(frame.data(), 6 * N, FrameType::settings, 0, 0);
  char* at = frame.data() + kFrameHead;
  for (const SettingValue& one : values) {
    put_number(at, static_cast<std::uint32_t>(one.setting), 2);
    put_number(at + 2, one.value, 4);
    at += 6;
  }
  return frame;
}

}  // namespace edge::h2
