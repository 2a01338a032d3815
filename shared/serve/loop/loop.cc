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

}  // namespace shared
