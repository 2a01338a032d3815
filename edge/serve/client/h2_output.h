#pragma once
// H2Output: what one send of an HTTP/2 connection is made of, in order: small frames, copied into the connection's
// queue, and between them long runs of DATA where their streams have them. Those are lent for the length of a turn:
// what the client has not taken of them by sent() is copied, and their streams go on. Owned by an H2Connection; one
// thread.

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include <sys/uio.h>

#include "edge/serve/io/buffers.h"

namespace edge {

class H2Output {
 public:
  static constexpr std::size_t kWorthLending = 4 * 1024;  // octets; fewer are copied sooner than listed

  // `queue` has what is left of earlier sends.
  explicit H2Output(OutBuffer& queue) : queue_(queue) {}
  H2Output(const H2Output&) = delete;
  H2Output& operator=(const H2Output&) = delete;

  [[nodiscard]] std::size_t size() const { return queue_.size() + lent_size_; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  void append(std::string_view octets) { queue_.append(octets); }
  // They stay as they are until sent().
  void lend(std::string_view octets);
  // Valid until the next call.
  [[nodiscard]] std::span<const iovec> parts();
  // So many octets of parts() have gone; nothing is lent any more.
  void sent(std::size_t n);

 private:
  static constexpr std::size_t kMost = 24;  // runs in one send
  struct Lent {
    std::size_t before;  // octets of the queue that go before it
    std::string_view octets;
  };

  OutBuffer& queue_;
  std::size_t lent_size_ = 0;
  std::size_t count_ = 0;
  std::array<Lent, kMost> lent_;
  std::array<iovec, 2 * kMost + 1> parts_;
};

}  // namespace edge
