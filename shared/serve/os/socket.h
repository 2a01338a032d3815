#pragma once
// Listening sockets for both servers: one SO_REUSEPORT socket per worker on one address, non-blocking, close-on-exec,
// IPv6 apart from IPv4 (IPV6_V6ONLY). Two processes never share a port by accident: the address is first bound without
// SO_REUSEPORT, which fails while anybody else has it. Errors say what to do. Any thread.

#include <cstddef>
#include <vector>

#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/serve/os/unique_fd.h"

namespace shared {

// `count` sockets, one per worker. Port 0: the kernel's choice, the same for all; see local_endpoint. A UDP socket
// bound to the wildcard has IP_PKTINFO or IPV6_RECVPKTINFO on, so that an answer can leave from the address that was
// asked.
//
// `inherited` are sockets that are bound there already: all of them come first in the result, which is longer than
// `count` when they are more; what is missing joins their group.
[[nodiscard]] Result<std::vector<UniqueFd>> bind_udp(const Endpoint& where, std::size_t count,
                                                     std::vector<UniqueFd> inherited = {});

// The same, listening, with TCP_NODELAY, which accepted sockets inherit.
[[nodiscard]] Result<std::vector<UniqueFd>> listen_tcp(const Endpoint& where, std::size_t count,
                                                       std::vector<UniqueFd> inherited = {});

// Whether this machine has the address: whether it can be bound to.
[[nodiscard]] bool is_own_address(const IpAddress& address);

[[nodiscard]] Endpoint local_endpoint(int fd);  // REQUIRES: a bound IPv4 or IPv6 socket

// The C form of an endpoint and back.
struct SocketAddress {
  alignas(8) unsigned char bytes[28]{};  // sockaddr_in or sockaddr_in6
  unsigned length = 0;
};
[[nodiscard]] SocketAddress to_socket_address(const Endpoint& endpoint);
[[nodiscard]] Endpoint from_socket_address(const void* address);  // REQUIRES: AF_INET or AF_INET6

}  // namespace shared
