#include "shared/serve/os/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

namespace shared {
namespace {

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn

bool is_wildcard(const IpAddress& address) {
  return std::all_of(address.bytes.begin(), address.bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

std::string_view remedy(int error) {
  switch (error) {
    case EACCES:
      return "; ports below 1024 need the capability CAP_NET_BIND_SERVICE";
    case EADDRINUSE:
      return "; another process has it: `ss -lntup` shows which";
    case EADDRNOTAVAIL:
      return "; no interface of this machine has that address";
    default:
      return "";
  }
}

tl::unexpected<Error> cannot_listen(const Endpoint& where, std::string_view protocol) {
  const int error = errno;
  return fail("cannot listen on " + where.to_string() + " (" + std::string(protocol) + "): " + std::strerror(error) +
              std::string(remedy(error)));
}

bool enable(int fd, int level, int option) {
  const int on = 1;
  return ::setsockopt(fd, level, option, &on, sizeof on) == 0;
}

UniqueFd open_socket(const Endpoint& where, int type) {
  const bool ipv6 = where.address.family == Family::ipv6;
  UniqueFd fd(::socket(ipv6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.valid() && ipv6 && !enable(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY)) return {};
  // TCP: not to wait for the TIME_WAITs of a server before us. For UDP the option would let anybody share the port.
  if (fd.valid() && type == SOCK_STREAM && !enable(fd.get(), SOL_SOCKET, SO_REUSEADDR)) return {};
  return fd;
}

bool bind_to(int fd, const Endpoint& where) {
  const SocketAddress address = to_socket_address(where);
  return ::bind(fd, reinterpret_cast<const sockaddr*>(address.bytes), address.length) == 0;
}

// The first socket binds alone and only then lets the others in: so the address was free, and nothing comes between.
Result<std::vector<UniqueFd>> bind_all(const Endpoint& where, std::size_t count, int type,
                                       std::vector<UniqueFd> inherited) {
  const std::string_view protocol = type == SOCK_STREAM ? "TCP" : "UDP";
  std::vector<UniqueFd> out = std::move(inherited);
  Endpoint exact = where;
  for (std::size_t i = out.size(); i < count; ++i) {
    UniqueFd fd = open_socket(where, type);
    if (!fd.valid()) return cannot_listen(where, protocol);
    if (i > 0 && !enable(fd.get(), SOL_SOCKET, SO_REUSEPORT)) return cannot_listen(where, protocol);
    if (!bind_to(fd.get(), exact)) return cannot_listen(where, protocol);
    if (i == 0 && !enable(fd.get(), SOL_SOCKET, SO_REUSEPORT)) return cannot_listen(where, protocol);
    if (i == 0) exact = local_endpoint(fd.get());
    out.push_back(std::move(fd));
  }
  return out;
}

}  // namespace

Result<std::vector<UniqueFd>> bind_udp(const Endpoint& where, std::size_t count, std::vector<UniqueFd> inherited) {
  Result<std::vector<UniqueFd>> sockets = bind_all(where, count, SOCK_DGRAM, std::move(inherited));
  if (!sockets || !is_wildcard(where.address)) return sockets;
  const bool ipv6 = where.address.family == Family::ipv6;
  for (const UniqueFd& fd : *sockets) {
    const bool ok = ipv6 ? enable(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO) : enable(fd.get(), IPPROTO_IP, IP_PKTINFO);
    if (!ok) return cannot_listen(where, "UDP");
  }
  return sockets;
}

Result<std::vector<UniqueFd>> listen_tcp(const Endpoint& where, std::size_t count, std::vector<UniqueFd> inherited) {
  Result<std::vector<UniqueFd>> sockets = bind_all(where, count, SOCK_STREAM, std::move(inherited));
  if (!sockets) return sockets;
  for (const UniqueFd& fd : *sockets) {
    if (!enable(fd.get(), IPPROTO_TCP, TCP_NODELAY)) return cannot_listen(where, "TCP");
    if (::listen(fd.get(), kBacklog) != 0) return cannot_listen(where, "TCP");
  }
  return sockets;
}

bool is_own_address(const IpAddress& address) {
  const SocketAddress where = to_socket_address({address, 0});
  const int family = address.family == Family::ipv4 ? AF_INET : AF_INET6;
  const UniqueFd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return fd.valid() && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(where.bytes), where.length) == 0;
}

Endpoint local_endpoint(int fd) {
  SocketAddress address;
  address.length = sizeof address.bytes;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(address.bytes), &address.length);
  return from_socket_address(address.bytes);
}

SocketAddress to_socket_address(const Endpoint& endpoint) {
  SocketAddress out;
  if (endpoint.address.family == Family::ipv4) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, endpoint.address.bytes.data(), sizeof v4.sin_addr);
    std::memcpy(out.bytes, &v4, sizeof v4);
    out.length = sizeof v4;
    return out;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  std::memcpy(&v6.sin6_addr, endpoint.address.bytes.data(), sizeof v6.sin6_addr);
  std::memcpy(out.bytes, &v6, sizeof v6);
  out.length = sizeof v6;
  return out;
}

Endpoint from_socket_address(const void* address) {
  sa_family_t family = 0;
  std::memcpy(&family, static_cast<const char*>(address) + offsetof(sockaddr, sa_family), sizeof family);
  Endpoint out;
  if (family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    out.address = IpAddress::v4(ntohl(v4.sin_addr.s_addr));
    out.port = ntohs(v4.sin_port);
    return out;
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, address, sizeof v6);
  out.address.family = Family::ipv6;
  std::memcpy(out.address.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
  out.port = ntohs(v6.sin6_port);
  return out;
}

}  // namespace shared
