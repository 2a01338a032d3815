#pragma once
// Listener: what the clients of one listen address speak, and under which layer. The same for all workers; it goes with
// every accepted descriptor to the worker that takes it, which makes the connection by it (make_connection()). Made by
// Control, immutable; any thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "edge/core/message/introduction.h"
#include "edge/serve/io/stream_layer.h"

namespace edge {

struct Listener {
  // What is spoken inside the stream. TLS is none of these but a layer under them, and ALPN its choice among them.
  enum class Protocol : std::uint8_t { http, tcp };

  Protocol protocol = Protocol::http;
  std::optional<IntroductionRules> introductions;  // PROXY headers, below any layer; nothing: none are read
  std::uint16_t https_port = 0;                    // of https, where all requests are sent; 0: they are served
  // For each connection its own; empty: plain. Called by workers.
  std::function<std::unique_ptr<StreamLayer>()> make_layer;
  std::size_t index = 0;  // in the configuration; of tcp: in PoolListeners
};

}  // namespace edge
