#pragma once
// InheritedSockets: bound sockets that this process was given, by the service manager or by the server that it takes
// over from, until whoever configures an address takes them. Each is known by what the kernel says of it, so nobody
// has to name them. What is never taken is closed with this. Main thread, at start.

#include <cstddef>
#include <string_view>
#include <vector>

#include "shared/core/ip.h"
#include "shared/serve/os/unique_fd.h"

namespace shared {

class InheritedSockets {
 public:
  InheritedSockets() = default;
  explicit InheritedSockets(std::vector<UniqueFd> descriptors);

  // All that are bound there, non-blocking; none is fine.
  [[nodiscard]] std::vector<UniqueFd> take_udp(const Endpoint& where);
  [[nodiscard]] std::vector<UniqueFd> take_tcp(const Endpoint& where);
  [[nodiscard]] UniqueFd take_unix(std::string_view path);

  [[nodiscard]] std::size_t left() const { return descriptors_.size(); }

 private:
  template <class Condition>
  std::vector<UniqueFd> take_if(Condition condition);

  std::vector<UniqueFd> descriptors_;
};

}  // namespace shared
