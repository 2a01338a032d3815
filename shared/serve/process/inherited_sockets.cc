#include "shared/serve/process/inherited_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <utility>

#include "shared/serve/os/socket.h"
#include "shared/serve/os/unix_address.h"

namespace shared {
namespace {

int option(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

bool is_ip(int fd, int type, const Endpoint& where) {
  const int domain = option(fd, SO_DOMAIN);
  if (domain != AF_INET && domain != AF_INET6) return false;
  return option(fd, SO_TYPE) == type && local_endpoint(fd) == where;
}

bool is_unix(int fd, std::string_view path) {
  if (option(fd, SO_DOMAIN) != AF_UNIX || option(fd, SO_ACCEPTCONN) != 1) return false;
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  const std::string_view bound(address.sun_path, ::strnlen(address.sun_path, sizeof address.sun_path));
  if (path.size() < sizeof address.sun_path) return path == bound;
  // Bound through its folder; our sockets in long folders differ by their names.
  return bound.starts_with(UnixAddress::kThroughFolder) &&
         path.substr(path.rfind('/')) == bound.substr(bound.rfind('/'));
}

}  // namespace

InheritedSockets::InheritedSockets(std::vector<UniqueFd> descriptors) : descriptors_(std::move(descriptors)) {}

template <class Condition>
std::vector<UniqueFd> InheritedSockets::take_if(Condition condition) {
  std::vector<UniqueFd> taken;
  std::vector<UniqueFd> left;
  for (UniqueFd& fd : descriptors_) {
    const bool wanted = condition(fd.get());
    if (wanted) ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
    (wanted ? taken : left).push_back(std::move(fd));
  }
  descriptors_ = std::move(left);
  return taken;
}

std::vector<UniqueFd> InheritedSockets::take_udp(const Endpoint& where) {
  return take_if([&](int fd) { return is_ip(fd, SOCK_DGRAM, where); });
}

std::vector<UniqueFd> InheritedSockets::take_tcp(const Endpoint& where) {
  return take_if([&](int fd) { return is_ip(fd, SOCK_STREAM, where); });
}

UniqueFd InheritedSockets::take_unix(std::string_view path) {
  auto found = take_if([&](int fd) { return is_unix(fd, path); });
  return found.empty() ? UniqueFd() : std::move(found.front());
}

}  // namespace shared
