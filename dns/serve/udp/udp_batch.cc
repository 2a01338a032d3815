#include "dns/serve/udp/udp_batch.h"

#include <fcntl.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "dns/core/answer/reply_frame.h"

namespace dns {

namespace {

constexpr int kBufferSize = 4 << 20;  // octets asked for; who may not force them gets at most net.core.[rw]mem_max
constexpr int kSmallestMtu = 1280;    // RFC 8200 section 5

}  // namespace

UdpBatch::UdpBatch() : slots_(new Slot[kSize]) {  // NOLINT: left uninitialised on purpose
  for (unsigned i = 0; i < kSize; ++i) {
    query_buffers_[i] = {slots_[i].query.data(), slots_[i].query.size()};
    msghdr& query = queries_[i].msg_hdr;
    query.msg_name = &clients_[i];
    query.msg_iov = &query_buffers_[i];
    query.msg_iovlen = 1;
    query.msg_control = controls_[i].bytes.data();
    replies_[i].msg_hdr.msg_iov = &reply_buffers_[i];
    replies_[i].msg_hdr.msg_iovlen = 1;
  }
}

unsigned UdpBatch::receive(int fd, Wait wait) {
  for (mmsghdr& query : queries_) {
    query.msg_hdr.msg_namelen = sizeof(sockaddr_in6);
    query.msg_hdr.msg_controllen = sizeof(Control);
  }
  const int flags = wait == Wait::for_one ? MSG_WAITFORONE : MSG_DONTWAIT;
  const int count = ::recvmmsg(fd, queries_.data(), kSize, flags, nullptr);
  return count > 0 ? static_cast<unsigned>(count) : 0;
}

shared::IpAddress UdpBatch::client(unsigned i) const {
  shared::IpAddress address;
  if (clients_[i].sin6_family == AF_INET) {
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in&>(clients_[i]).sin_addr, 4);
    return address;
  }
  address.family = shared::Family::ipv6;
  std::memcpy(address.bytes.data(), &clients_[i].sin6_addr, 16);
  return address;
}

unsigned UdpBatch::send(int fd, unsigned count) {
  const unsigned replies = collect_replies(count);
  unsigned failed = 0;
  for (unsigned done = 0; done < replies;) {
    const int sent = ::sendmmsg(fd, replies_.data() + done, replies - done, MSG_DONTWAIT);
    if (sent > 0) {
      done += static_cast<unsigned>(sent);
    } else if (errno == EAGAIN) {
      return failed + replies - done;  // the queue to the network is full: what waits longer is of no use
    } else if (errno == EMSGSIZE && shorten(done)) {
      continue;
    } else if (errno != EINTR) {
      ++failed;  // this one cannot be sent (no route, port 0): go on with the next
      ++done;
    }
  }
  return failed;
}

// Longer than the link takes: the client is sent to TCP.
bool UdpBatch::shorten(unsigned reply) {
  iovec& buffer = reply_buffers_[reply];
  const std::size_t size = truncate({static_cast<std::uint8_t*>(buffer.iov_base), buffer.iov_len});
  return size < std::exchange(buffer.iov_len, size);
}

unsigned UdpBatch::collect_replies(unsigned count) {
  unsigned replies = 0;
  for (unsigned i = 0; i < count; ++i) {
    if (reply_lengths_[i] == 0) continue;
    const msghdr& query = queries_[i].msg_hdr;
    msghdr& reply = replies_[replies].msg_hdr;
    reply.msg_name = query.msg_name;
    reply.msg_namelen = query.msg_namelen;
    reply.msg_control = query.msg_controllen > 0 ? query.msg_control : nullptr;
    reply.msg_controllen = query.msg_controllen;
    if (query.msg_controllen > 0) prepare_control(i);
    reply_buffers_[replies] = {slots_[i].reply.data(), reply_lengths_[i]};
    ++replies;
  }
  return replies;
}

// The source address stays; the interface is the route's business, but for link-local addresses, which need theirs.
void UdpBatch::prepare_control(unsigned i) {
  cmsghdr* const control = CMSG_FIRSTHDR(&queries_[i].msg_hdr);
  if (control == nullptr) return;
  if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
    in_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(control), sizeof info);
    info.ipi_ifindex = 0;
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
  } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
    in6_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(control), sizeof info);
    if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
  }
}

void configure_udp(int fd, shared::Family family) {
  const auto set = [fd](int level, int option, int value) {
    return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
  };
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  const timeval patience{.tv_sec = 0, .tv_usec = std::chrono::microseconds(UdpBatch::kPatience).count()};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (!set(SOL_SOCKET, SO_RCVBUFFORCE, kBufferSize)) set(SOL_SOCKET, SO_RCVBUF, kBufferSize);
  if (!set(SOL_SOCKET, SO_SNDBUFFORCE, kBufferSize)) set(SOL_SOCKET, SO_SNDBUF, kBufferSize);
  if (family == shared::Family::ipv4) {
    set(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  } else {
    set(IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
    set(IPPROTO_IPV6, IPV6_MTU, kSmallestMtu);
  }
}

}  // namespace dns
