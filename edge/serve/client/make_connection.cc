#include "edge/serve/client/make_connection.h"

#include <cstdlib>
#include <utility>

#include "edge/serve/client/arrival.h"
#include "edge/serve/client/h1.h"
#include "edge/serve/client/handshake.h"
#include "edge/serve/client/tcp.h"

namespace edge {

std::unique_ptr<ClientConnection> make_connection(WorkerContext& context, Clients& clients, const Newcomer& newcomer) {
  if (newcomer.awaits_header()) return std::make_unique<Arrival>(context, clients, newcomer);
  if (newcomer.listener->make_layer) {
    return std::make_unique<Handshake>(context, clients, newcomer, newcomer.listener->make_layer());
  }
  return make_spoken(context, clients, newcomer, nullptr);
}

std::unique_ptr<ClientConnection> make_spoken(WorkerContext& context, Clients& clients, const Newcomer& newcomer,
                                              std::unique_ptr<StreamLayer> layer) {
  switch (newcomer.listener->protocol) {
    case Listener::Protocol::http:  // under TLS: what ALPN has chosen of the listener's list, HTTP/1.1 if nothing
      return std::make_unique<H1Connection>(context, clients, std::move(*newcomer.fd), newcomer.peer, std::move(layer),
                                            newcomer.introduction.get(), newcomer.listener->to_https);
    case Listener::Protocol::tcp:
      return std::make_unique<TcpConnection>(context, clients, newcomer, std::move(layer));
  }
  std::abort();
}

}  // namespace edge
