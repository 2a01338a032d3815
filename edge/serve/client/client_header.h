#pragma once
// client_header(): what a server that wants a PROXY header is told of a client's connection: what a proxy in front has
// said of it, or else the ends of its socket, and of TLS that ends here. One system call. On the connection's worker.

#include "edge/core/message/introduction.h"
#include "edge/serve/io/stream.h"

namespace edge {

// `introduction` may be null. Views are good for as long as it lives.
[[nodiscard]] shared::ProxyHeader client_header(const Introduction* introduction, const Stream& stream,
                                                const shared::Endpoint& peer);

}  // namespace edge
