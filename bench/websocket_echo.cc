// A WebSocket server (RFC 6455) that sends each message back, as the bench needs one behind every proxy: messages of at
// most 125 octets in one frame, no extensions. Prints `ready`.
//   websocket_echo ADDRESS:PORT...
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include <openssl/evp.h>

#include "shared/core/ip.h"

namespace {

int listening_socket(const shared::Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  std::memcpy(&address.sin_addr, endpoint.address.bytes.data(), 4);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 1024) != 0) {
    std::perror("listen");
    std::exit(1);
  }
  return fd;
}

// RFC 6455 4.2.2; empty: no handshake.
std::string answer_to(std::string_view head) {
  constexpr std::string_view name = "\r\nsec-websocket-key:";
  std::string lower(head);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  std::size_t at = lower.find(name);
  if (at == std::string::npos) return {};
  at += name.size();
  while (at < head.size() && head[at] == ' ') ++at;
  std::string text(head.substr(at, head.find("\r\n", at) - at));
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  std::array<unsigned char, 64> accept{};
  EVP_EncodeBlock(accept.data(), digest.data(), static_cast<int>(size));
  return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " +
         std::string(reinterpret_cast<const char*>(accept.data())) + "\r\n\r\n";
}

struct Peer {
  std::string in;
  bool open = false;
};

// Takes whole messages out of `in`; what goes back. Their masks are taken off (5.3).
std::string echo(std::string& in) {
  constexpr std::size_t kHead = 6;
  std::string out;
  std::size_t at = 0;
  while (in.size() - at >= kHead) {
    const std::size_t size = static_cast<unsigned char>(in[at + 1]) & 0x7F;
    if (in.size() - at < kHead + size) break;
    out += in[at];
    out += static_cast<char>(size);
    for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(in[at + kHead + i] ^ in[at + 2 + i % 4]);
    at += kHead + size;
  }
  in.erase(0, at);
  return out;
}

// False: it has gone.
bool serve(int fd, Peer& peer) {
  std::array<char, 65536> octets;
  const ssize_t got = recv(fd, octets.data(), octets.size(), 0);
  if (got <= 0) return false;
  peer.in.append(octets.data(), static_cast<std::size_t>(got));
  std::string out;
  if (!peer.open) {
    const std::size_t end = peer.in.find("\r\n\r\n");
    if (end == std::string::npos) return true;
    out = answer_to(std::string_view(peer.in).substr(0, end + 2));
    if (out.empty()) return false;
    peer.in.erase(0, end + 4);
    peer.open = true;
  }
  out += echo(peer.in);
  return out.empty() || send(fd, out.data(), out.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(out.size());
}

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

}  // namespace

int main(int argc, char** argv) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::set<int> listeners;
  for (int i = 1; i < argc; ++i) {
    const auto endpoint = shared::Endpoint::parse(argv[i]);
    if (!endpoint || endpoint->address.family != shared::Family::ipv4) return 2;
    listeners.insert(listening_socket(*endpoint));
  }
  for (const int fd : listeners) watch(epoll, fd);
  std::printf("ready\n");
  std::fflush(stdout);
  std::map<int, Peer> peers;
  std::array<epoll_event, 256> events{};
  for (;;) {
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (!listeners.contains(fd)) {
        if (serve(fd, peers[fd])) continue;
        peers.erase(fd);
        close(fd);
        continue;
      }
      const int peer = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
      const int on = 1;
      setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (peer >= 0) watch(epoll, peer);
    }
  }
}
