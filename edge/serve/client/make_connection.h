#pragma once
// make_connection(): the connection of a client that was let in, by what its listener speaks. The one place that knows
// all protocols. Called by Clients, on its worker's thread.

#include <memory>

#include "edge/serve/client/admission.h"
#include "edge/serve/client/client_connection.h"

namespace edge {

class Clients;
struct WorkerContext;

[[nodiscard]] std::unique_ptr<ClientConnection> make_connection(WorkerContext& context, Clients& clients,
                                                                const Newcomer& newcomer);

}  // namespace edge
