#include "edge/serve/client/make_connection.h"

#include <cstdlib>
#include <utility>

#include "edge/serve/client/arrival.h"
#include "edge/serve/client/h1.h"
#include "edge/serve/client/tcp.h"

namespace edge {

std::unique_ptr<ClientConnection> make_connection(WorkerContext& context, Clients& clients, const Newcomer& newcomer) {
  if (newcomer.awaits_header()) return std::make_unique<Arrival>(context, clients, newcomer);
  const Listener& listener = *newcomer.listener;
  std::unique_ptr<StreamLayer> layer = listener.make_layer ? listener.make_layer() : nullptr;
  switch (listener.protocol) {
    case Listener::Protocol::http:
      return std::make_unique<H1Connection>(context, clients, std::move(*newcomer.fd), newcomer.peer, std::move(layer),
                                            newcomer.introduction.get());
    case Listener::Protocol::tcp:
      return std::make_unique<TcpConnection>(context, clients, newcomer, std::move(layer));
  }
  std::abort();
}

}  // namespace edge
