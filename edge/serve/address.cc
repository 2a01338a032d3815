#include "edge/serve/address.h"

#include <algorithm>
#include <cstring>
#include <system_error>

#include <arpa/inet.h>

namespace edge {

SocketAddress to_socket_address(const shared::Endpoint& endpoint) {
  SocketAddress result;
  if (endpoint.address.family == shared::Family::ipv4) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, endpoint.address.bytes.data(), 4);
    std::memcpy(&result.storage, &v4, sizeof v4);
    result.size = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, endpoint.address.bytes.data(), 16);
    std::memcpy(&result.storage, &v6, sizeof v6);
    result.size = sizeof v6;
  }
  return result;
}

shared::Endpoint to_endpoint(const SocketAddress& address) {
  shared::Endpoint result;
  if (address.family() == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address.storage, sizeof v6);
    result.port = ntohs(v6.sin6_port);
    const auto* bytes = v6.sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      std::copy_n(bytes + 12, 4, result.address.bytes.begin());
      return result;
    }
    result.address.family = shared::Family::ipv6;
    std::copy_n(bytes, 16, result.address.bytes.begin());
    return result;
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &address.storage, sizeof v4);
  result.port = ntohs(v4.sin_port);
  std::memcpy(result.address.bytes.data(), &v4.sin_addr, 4);
  return result;
}

std::string errno_text(std::string_view call, int error) {
  return std::string(call) + ": " + std::generic_category().message(error);
}

}  // namespace edge
