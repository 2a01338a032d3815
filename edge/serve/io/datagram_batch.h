#pragma once
// DatagramBatch: up to 32 datagrams received with one system call and, where they go to one peer, sent with another. On
// a socket bound to the wildcard it knows which address was asked, so that answers leave from there. Buffers are made
// once. Owned by a worker's Datagrams, for both directions in turn; its thread.

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "shared/core/ip.h"

namespace edge {

// Where a datagram came from, and the address that it came to: as the kernel wants it back for an answer.
struct DatagramPath {
  sockaddr_in6 peer{};  // or a sockaddr_in
  socklen_t peer_length = 0;
  alignas(8) std::array<std::uint8_t, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
  std::size_t control_length = 0;
};

class DatagramBatch {
 public:
  static constexpr unsigned kSize = 32;
  static constexpr std::size_t kLongest = 65536;  // more than a datagram can have

  DatagramBatch();
  DatagramBatch(const DatagramBatch&) = delete;
  DatagramBatch& operator=(const DatagramBatch&) = delete;

  // How many came; nothing: 0 with errno, EAGAIN if there is none now.
  [[nodiscard]] unsigned receive(int fd);
  [[nodiscard]] std::span<const char> datagram(unsigned i) const {
    return {octets_.get() + i * kLongest, received_[i].msg_len};
  }
  [[nodiscard]] shared::Endpoint peer(unsigned i) const;
  [[nodiscard]] DatagramPath path(unsigned i) const;

  // The first `count` of what was received, unchanged, to one peer; how many the kernel took.
  [[nodiscard]] unsigned send(int fd, unsigned count, const DatagramPath& to);

 private:
  std::unique_ptr<char[]> octets_;
  std::array<mmsghdr, kSize> received_{};
  std::array<mmsghdr, kSize> sent_{};
  std::array<iovec, kSize> into_{};
  std::array<iovec, kSize> from_{};
  std::array<DatagramPath, kSize> paths_{};
};

}  // namespace edge
