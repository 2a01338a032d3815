#pragma once
// ListenPlan: one address that the edge listens on, and what is special about it, as the configuration has it. Control
// makes a Listener of it at start. Value type, any thread.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "edge/core/message/introduction.h"
#include "shared/core/ip.h"

namespace edge {

enum class Protocol : std::uint8_t { http, https, tcp, udp };

struct ListenPlan {
  shared::Endpoint where;
  Protocol protocol = Protocol::http;
  std::size_t index = 0;                           // in the configuration, and in PoolListeners
  bool tls = false;                                // under the protocol
  std::uint16_t https_port = 0;                    // of https, where all requests are sent; 0: they are served
  std::optional<IntroductionRules> introductions;  // by the PROXY protocol; nothing: none are read

  bool operator==(const ListenPlan&) const = default;
};

}  // namespace edge
