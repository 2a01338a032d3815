#include "edge/serve/io/datagram_batch.h"

#include <cerrno>
#include <cstring>

#include "shared/serve/os/socket.h"

namespace edge {
namespace {

// The source address stays; the interface is the route's business, but for link-local addresses, which need theirs.
void forget_interface(DatagramPath& path) {
  msghdr head{};
  head.msg_control = path.control.data();
  head.msg_controllen = path.control_length;
  cmsghdr* const control = CMSG_FIRSTHDR(&head);
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

}  // namespace

DatagramBatch::DatagramBatch() : octets_(std::make_unique_for_overwrite<char[]>(kSize * kLongest)) {
  for (unsigned i = 0; i < kSize; ++i) {
    into_[i] = {.iov_base = octets_.get() + i * kLongest, .iov_len = kLongest};
    received_[i].msg_hdr.msg_name = &paths_[i].peer;
    received_[i].msg_hdr.msg_iov = &into_[i];
    received_[i].msg_hdr.msg_iovlen = 1;
    received_[i].msg_hdr.msg_control = paths_[i].control.data();
    sent_[i].msg_hdr.msg_iov = &from_[i];
    sent_[i].msg_hdr.msg_iovlen = 1;
  }
}

unsigned DatagramBatch::receive(int fd) {
  for (mmsghdr& one : received_) {
    one.msg_hdr.msg_namelen = sizeof(sockaddr_in6);
    one.msg_hdr.msg_controllen = paths_[0].control.size();
  }
  int count = 0;
  do {
    count = ::recvmmsg(fd, received_.data(), kSize, MSG_DONTWAIT, nullptr);
  } while (count < 0 && errno == EINTR);
  return count > 0 ? static_cast<unsigned>(count) : 0;
}

shared::Endpoint DatagramBatch::peer(unsigned i) const { return shared::from_socket_address(&paths_[i].peer); }

DatagramPath DatagramBatch::path(unsigned i) const {
  DatagramPath path = paths_[i];
  path.peer_length = received_[i].msg_hdr.msg_namelen;
  path.control_length = received_[i].msg_hdr.msg_controllen;
  forget_interface(path);
  return path;
}

unsigned DatagramBatch::send(int fd, unsigned count, const DatagramPath& to) {
  DatagramPath path = to;  // sendmmsg(2) only reads it, and has no const
  for (unsigned i = 0; i < count; ++i) {
    from_[i] = {.iov_base = octets_.get() + i * kLongest, .iov_len = received_[i].msg_len};
    msghdr& head = sent_[i].msg_hdr;
    head.msg_name = &path.peer;
    head.msg_namelen = path.peer_length;
    head.msg_control = path.control_length > 0 ? path.control.data() : nullptr;
    head.msg_controllen = path.control_length;
  }
  unsigned taken = 0;
  for (unsigned done = 0; done < count;) {
    const int sent = ::sendmmsg(fd, sent_.data() + done, count - done, MSG_DONTWAIT);
    if (sent > 0) {
      done += static_cast<unsigned>(sent);
      taken += static_cast<unsigned>(sent);
    } else if (errno == EAGAIN) {
      break;  // the queue to the network is full: what waits longer is of no use
    } else if (errno != EINTR) {
      ++done;  // this one cannot be sent: go on with the next
    }
  }
  return taken;
}

}  // namespace edge
