#pragma once
// make_connection(): the connection of a client that was let in: a handshake first where its listener has a layer.
// make_spoken(): what comes after all that has to come before: the connection of what is spoken, by the listener and by
// ALPN. The one place that knows all protocols. Called by Clients and by what hands over, on their worker's thread.

#include <memory>

#include "edge/serve/client/admission.h"
#include "edge/serve/client/client_connection.h"
#include "edge/serve/io/stream_layer.h"

namespace edge {

class Clients;
struct WorkerContext;

[[nodiscard]] std::unique_ptr<ClientConnection> make_connection(WorkerContext& context, Clients& clients,
                                                                const Newcomer& newcomer);
// `layer` is ready; null: plain.
[[nodiscard]] std::unique_ptr<ClientConnection> make_spoken(WorkerContext& context, Clients& clients,
                                                            const Newcomer& newcomer,
                                                            std::unique_ptr<StreamLayer> layer);

}  // namespace edge
