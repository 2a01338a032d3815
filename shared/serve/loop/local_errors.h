#pragma once
// is_local_error(): whether an error of socket(2), connect(2) and their like tells of this machine and not of the peer:
// no descriptors, no memory, no port or address of our own left. Such an error says nothing about a server: nothing
// that judges one (checks, breakers, ejection, retries, the regions' health) may count it. The one place of that list;
// any thread.
//
// What a firewall or a route of ours forbids (EPERM, ENETUNREACH) is not in it: to us the peer is as good as dead then.

#include <cerrno>

#include "shared/serve/loop/loop.h"

namespace shared {

[[nodiscard]] constexpr bool is_local_error(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:         // of epoll: no watch left
    case EADDRNOTAVAIL:  // no port left, or no address of the family
    case EADDRINUSE:
    case EAGAIN:  // of connect(2): no port or no memory left
      return true;
    default:
      return false;
  }
}

[[nodiscard]] inline bool is_local_error(const error_code& error) {
  return error.category() == boost::system::system_category() && is_local_error(error.value());
}

}  // namespace shared
