#pragma once
// Endpoint <-> sockaddr, and errno as a sentence: what the socket calls of edge/serve need. Pure values, any thread.

#include <cerrno>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>

#include "shared/core/ip.h"

namespace edge {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  [[nodiscard]] int family() const { return storage.ss_family; }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

[[nodiscard]] SocketAddress to_socket_address(const shared::Endpoint& endpoint);
// An IPv4 client of a dual-stack IPv6 socket is given as the IPv4 address that it is.
[[nodiscard]] shared::Endpoint to_endpoint(const SocketAddress& address);

// "connect: Connection refused"
[[nodiscard]] std::string errno_text(std::string_view call, int error = errno);

}  // namespace edge
