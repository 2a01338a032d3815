#pragma once
// UdpBatch: up to 64 datagrams received with one system call and answered with another. Buffers are made once; a reply
// goes to where its query came from, and, on a wildcard socket, leaves from the address that was asked (the control
// message goes back as it came). Owned by a UdpReceiver, its thread only.

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "shared/core/ip.h"
#include "shared/core/time.h"

namespace dns {

class UdpBatch {
 public:
  static constexpr unsigned kSize = 64;
  static constexpr std::size_t kMaxReply = 4096;
  static constexpr shared::milliseconds kPatience{100};  // less than a second

  UdpBatch();
  UdpBatch(const UdpBatch&) = delete;
  UdpBatch& operator=(const UdpBatch&) = delete;

  enum class Wait : std::uint8_t {
    for_one,  // or for kPatience
    no,
  };
  // How many came, 0: none. REQUIRES: configure_udp(fd).
  [[nodiscard]] unsigned receive(int fd, Wait wait);

  [[nodiscard]] std::span<const std::uint8_t> packet(unsigned i) const {
    return {slots_[i].query.data(), queries_[i].msg_len};
  }
  [[nodiscard]] shared::IpAddress client(unsigned i) const;
  [[nodiscard]] std::span<std::uint8_t> reply_buffer(unsigned i) { return slots_[i].reply; }
  // Length 0: no reply to this one.
  void set_reply(unsigned i, std::size_t length) { reply_lengths_[i] = length; }

  // Sends the replies to the `count` datagrams received last; how many of them the kernel refused.
  [[nodiscard]] unsigned send(int fd, unsigned count);

 private:
  // Odd counts of cache lines, so that the slots' first lines do not all fall into the same cache sets.
  struct alignas(64) Slot {
    std::array<std::uint8_t, 1344> query;  // more than we advertise; what is longer is cut and answered FORMERR
    std::array<std::uint8_t, kMaxReply + 64> reply;
  };
  struct alignas(8) Control {
    std::array<std::uint8_t, CMSG_SPACE(sizeof(in6_pktinfo))> bytes;
  };

  [[nodiscard]] unsigned collect_replies(unsigned count);
  void prepare_control(unsigned i);
  bool shorten(unsigned reply);

  std::unique_ptr<Slot[]> slots_;
  std::array<mmsghdr, kSize> queries_{};
  std::array<mmsghdr, kSize> replies_{};
  std::array<iovec, kSize> query_buffers_{};
  std::array<iovec, kSize> reply_buffers_{};
  std::array<sockaddr_in6, kSize> clients_{};
  std::array<Control, kSize> controls_{};
  std::array<std::size_t, kSize> reply_lengths_{};
};

// What our UDP sockets need beyond being bound: no heed to path MTUs, which strangers can forge, no fragments here or
// on the way (RFC 9715: DF; IPv6 has no others than ours), large buffers; that receiving blocks, but not for long.
void configure_udp(int fd, shared::Family family);

}  // namespace dns
