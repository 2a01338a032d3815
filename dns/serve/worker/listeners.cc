#include "dns/serve/worker/listeners.h"

#include <utility>

#include "shared/serve/os/socket.h"

namespace dns {
namespace {

constexpr int kPortTries = 50;

}  // namespace

shared::Result<Listeners> listen_on(const shared::Endpoint& where, std::size_t count,
                                    shared::InheritedSockets& inherited) {
  for (int tries = where.port == 0 ? kPortTries : 1;; --tries) {
    auto udp = shared::bind_udp(where, count, inherited.take_udp(where));
    if (!udp) return tl::unexpected(udp.error());
    const shared::Endpoint real = shared::local_endpoint(udp->front().get());
    auto tcp = shared::listen_tcp(real, count, inherited.take_tcp(real));
    if (tcp) return Listeners{real, std::move(*udp), std::move(*tcp)};
    if (tries <= 1) return tl::unexpected(tcp.error());
  }
}

}  // namespace dns
