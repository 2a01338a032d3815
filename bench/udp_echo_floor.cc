// The floor for DNS: what any server pays for receiving a datagram and sending one back. Sets QR and returns the
// packet, in batches of 64, blocking, nothing else.
//   udp_echo_floor ADDRESS:PORT
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "shared/core/ip.h"

namespace {

constexpr unsigned kBatch = 64;
constexpr std::size_t kPacket = 1500;

int bound_socket(const shared::Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  std::memcpy(&address.sin_addr, endpoint.address.bytes.data(), 4);
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int size = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    std::perror("udp_echo_floor");
    std::exit(1);
  }
  return fd;
}

[[noreturn]] void echo(int fd) {
  static std::array<std::array<unsigned char, kPacket>, kBatch> packets;
  static std::array<sockaddr_in, kBatch> peers;
  std::array<iovec, kBatch> pieces{};
  std::array<mmsghdr, kBatch> messages{};
  for (unsigned i = 0; i < kBatch; ++i) {
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &peers[i];
  }
  for (;;) {
    for (unsigned i = 0; i < kBatch; ++i) {
      pieces[i] = {packets[i].data(), kPacket};
      messages[i].msg_hdr.msg_namelen = sizeof(sockaddr_in);
    }
    const int got = recvmmsg(fd, messages.data(), kBatch, MSG_WAITFORONE, nullptr);
    for (int i = 0; i < got; ++i) {
      const auto at = static_cast<std::size_t>(i);
      packets[at][2] |= 0x80;
      pieces[at].iov_len = messages[at].msg_len;
    }
    if (got > 0) sendmmsg(fd, messages.data(), static_cast<unsigned>(got), 0);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto endpoint = argc == 2 ? shared::Endpoint::parse(argv[1]) : std::nullopt;
  if (!endpoint || endpoint->address.family != shared::Family::ipv4) {
    std::fprintf(stderr, "usage: udp_echo_floor IPV4:PORT\n");
    return 2;
  }
  echo(bound_socket(*endpoint));
}
