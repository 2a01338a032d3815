#pragma once
// Stream: what the protocol has to know of one stream (RFC 9113 5): which side has ended, windows, the length that its
// content must have, and when its turn to send is (RFC 9218). What it is for is its owner's, which derives from it.
// Owned by who serves the request; a Session refers to it from open() to close(); one thread.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "edge/core/h2/frame.h"

namespace edge::h2 {

// RFC 9218 4.
struct Priority {
  std::uint8_t urgency = 3;
  bool incremental = false;

  friend bool operator==(const Priority&, const Priority&) = default;
};

// The Priority field (RFC 9218 5), or a PRIORITY_UPDATE's; what cannot be read says nothing.
[[nodiscard]] Priority read_priority(std::string_view value);

class Stream {
 public:
  [[nodiscard]] std::int32_t id() const { return id_; }
  [[nodiscard]] bool open() const { return open_; }  // no side has reset it, and not both have ended it
  [[nodiscard]] bool remote_ended() const { return remote_ended_; }
  [[nodiscard]] bool local_ended() const { return local_ended_; }
  // What the octets of its content must come to (8.1.1).
  void expect(std::uint64_t length) { expected_ = static_cast<std::int64_t>(length); }

 protected:
  explicit Stream(std::int32_t id) : id_(id) {}
  ~Stream() = default;

 private:
  friend class Session;
  friend class SendOrder;

  Stream* next_ = nullptr;  // in SendOrder
  std::int64_t expected_ = -1;
  std::uint64_t received_ = 0;
  std::int32_t id_;
  std::int32_t send_window_ = 0;
  std::int32_t receive_window_ = 0;  // octets that the peer may still send
  std::int32_t consumed_ = 0;        // of what it has sent, not told to it yet
  Priority priority_;
  bool open_ = false;
  bool remote_ended_ = false;
  bool local_ended_ = false;
  bool told_priority_ = false;  // by a PRIORITY_UPDATE
  bool queued_ = false;         // in SendOrder
  bool starved_ = false;        // has something to send, and no window
};

}  // namespace edge::h2
