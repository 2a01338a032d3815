#include "shared/serve/loop/loop.h"

#include <algorithm>
#include <cassert>

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>

namespace shared {

asio::ip::tcp::endpoint to_asio(const Endpoint& endpoint) {
  if (endpoint.address.family == Family::ipv4) {
    return {asio::ip::address_v4(endpoint.address.v4_value()), endpoint.port};
  }
  return {asio::ip::address_v6(endpoint.address.bytes), endpoint.port};
}

Endpoint from_asio(const asio::ip::tcp::endpoint& endpoint) {
  const asio::ip::address address = endpoint.address();
  if (address.is_v4()) return {IpAddress::v4(address.to_v4().to_uint()), endpoint.port()};
  return {IpAddress::v6(address.to_v6().to_bytes()), endpoint.port()};
}

}  // namespace shared
