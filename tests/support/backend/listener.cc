#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "tests/support/backend/loop.h"

namespace backend {
namespace {

socklen_t to_sockaddr(const shared::Endpoint& endpoint, sockaddr_storage& storage) {
  storage = {};
  if (endpoint.address.family == shared::Family::ipv4) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    std::memcpy(&address.sin_addr, endpoint.address.bytes.data(), 4);
    std::memcpy(&storage, &address, sizeof address);
    return sizeof address;
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(endpoint.port);
  std::memcpy(&address.sin6_addr, endpoint.address.bytes.data(), 16);
  std::memcpy(&storage, &address, sizeof address);
  return sizeof address;
}

std::uint16_t bound_port(int fd) {
  sockaddr_in6 address{};  // the port stands at the same place in both families
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin6_port);
}

}  // namespace

shared::Result<int> open_listener(shared::Endpoint& endpoint) {
  sockaddr_storage storage{};
  const socklen_t size = to_sockaddr(endpoint, storage);
  const int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return shared::fail(std::string("no socket: ") + std::strerror(errno));
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&storage), size) < 0 || ::listen(fd, 1024) < 0) {
    const std::string why = std::strerror(errno);
    close(fd);
    return shared::fail("cannot listen on " + endpoint.to_string() + ": " + why);
  }
  endpoint.port = bound_port(fd);
  return fd;
}

}  // namespace backend
