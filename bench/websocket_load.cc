// WebSocket clients that each send a message of 100 octets, wait for it to come back, and send the next.
//   websocket_load ADDRESS:PORT CONNECTIONS SECONDS
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load_report.h"
#include "shared/core/ip.h"

namespace {

constexpr std::size_t kMessage = 100;
constexpr std::size_t kBack = kMessage + 2;  // unmasked
constexpr std::string_view kHandshake =
    "GET /item HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

std::string message() {
  std::string frame("\x82", 1);
  frame += static_cast<char>(0x80 | kMessage);
  frame += "mask";
  for (std::size_t i = 0; i < kMessage; ++i) frame += static_cast<char>('x' ^ "mask"[i % 4]);
  return frame;
}

struct Client {
  int fd = -1;
  std::size_t got = 0;  // octets of the message that comes back
  bench::Clock::time_point asked;
};

int connected(const shared::Endpoint& server) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port);
  std::memcpy(&address.sin_addr, server.address.bytes.data(), 4);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  std::perror("connect");
  std::exit(1);
}

void shake_hands(int fd) {
  std::string head;
  std::array<char, 4096> octets;
  bool good = send(fd, kHandshake.data(), kHandshake.size(), MSG_NOSIGNAL) > 0;
  while (good && head.find("\r\n\r\n") == std::string::npos) {
    const ssize_t got = recv(fd, octets.data(), octets.size(), 0);
    good = got > 0;
    if (good) head.append(octets.data(), static_cast<std::size_t>(got));
  }
  if (good && head.starts_with("HTTP/1.1 101 ")) return;
  std::fprintf(stderr, "websocket_load: no 101: %s\n", head.substr(0, 60).c_str());
  std::exit(1);
}

class Load {
 public:
  Load(const shared::Endpoint& server, std::size_t count) : clients_(count), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (std::size_t i = 0; i < count; ++i) {
      clients_[i].fd = connected(server);
      shake_hands(clients_[i].fd);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, clients_[i].fd, &event);
    }
  }

  void run(double seconds) {
    const auto began = bench::Clock::now();
    const auto end = began + std::chrono::duration_cast<bench::Clock::duration>(std::chrono::duration<double>(seconds));
    for (Client& client : clients_) ask(client);
    std::array<epoll_event, 512> events{};
    while (bench::Clock::now() < end) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
      for (int i = 0; i < count; ++i) hear(clients_[events[static_cast<std::size_t>(i)].data.u64]);
    }
    report_.print(std::chrono::duration<double>(bench::Clock::now() - began).count());
  }

 private:
  void ask(Client& client) {
    client.asked = bench::Clock::now();
    if (send(client.fd, frame_.data(), frame_.size(), MSG_NOSIGNAL) < 0) report_.failed();
  }

  void hear(Client& client) {
    std::array<char, 4096> octets;
    const ssize_t got = recv(client.fd, octets.data(), octets.size(), MSG_DONTWAIT);
    if (got <= 0) {
      epoll_ctl(epoll_, EPOLL_CTL_DEL, client.fd, nullptr);
      return report_.failed();
    }
    client.got += static_cast<std::size_t>(got);
    if (client.got < kBack) return;
    if (client.got > kBack) report_.failed();
    client.got = 0;
    report_.answered(client.asked);
    ask(client);
  }

  std::string frame_ = message();
  std::vector<Client> clients_;
  int epoll_;
  bench::LoadReport report_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto server = argc == 4 ? shared::Endpoint::parse(argv[1]) : shared::Endpoint::parse("");
  if (!server || server->address.family != shared::Family::ipv4) {
    std::fprintf(stderr, "usage: websocket_load ADDRESS:PORT CONNECTIONS SECONDS\n");
    return 2;
  }
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  Load load(*server, static_cast<std::size_t>(std::atoi(argv[2])));
  load.run(std::atof(argv[3]));
  return 0;
}
