#pragma once
// The sockets of one listen address: UDP and TCP on one port, `count` of each or more, one per worker. Made by
// Control on the main thread, then owned by the workers.

#include <vector>

#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/serve/os/unique_fd.h"
#include "shared/serve/process/inherited_sockets.h"

namespace dns {

struct Listeners {
  shared::Endpoint endpoint;  // with the real port
  std::vector<shared::UniqueFd> udp;
  std::vector<shared::UniqueFd> tcp;
};

// Port 0 (tests): a port that is free for both; the kernel's choice for UDP may be taken for TCP, so it is asked again.
// Sockets that are inherited come first; there may be more of them than `count`.
[[nodiscard]] shared::Result<Listeners> listen_on(const shared::Endpoint& where, std::size_t count,
                                                  shared::InheritedSockets& inherited);

}  // namespace dns
