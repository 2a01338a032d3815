#include "edge/serve/client/make_connection.h"

#include <cstdlib>
#include <utility>

#include "edge/serve/client/arrival.h"
#include "edge/serve/client/h1.h"
#include "edge/serve/client/h2_connection.h"
#include "edge/serve/client/handshake.h"
#include "edge/serve/client/tcp.h"

namespace edge {
namespace {

bool speaks_http2(const StreamLayer* layer) {
  const shared::TlsSession* const tls = layer == nullptr ? nullptr : layer->tls();
  return tls != nullptr && tls->facts().alpn == "h2";
}

std::unique_ptr<ClientConnection> make_http2(WorkerContext& context, Clients& clients, const Newcomer& newcomer,
                                             std::unique_ptr<StreamLayer> layer) {
  H2Connection::Begun begun{.fd = std::move(*newcomer.fd),
                            .peer = newcomer.peer,
                            .layer = std::move(layer),
                            .introduction = nullptr,
                            .early = {},
                            .https_port = newcomer.listener->https_port};
  if (newcomer.introduction != nullptr) {
    begun.introduction = std::make_unique<const Introduction>(*newcomer.introduction);
  }
  return std::make_unique<H2Connection>(context, clients, std::move(begun));
}

}  // namespace

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
      if (speaks_http2(layer.get())) return make_http2(context, clients, newcomer, std::move(layer));
      return std::make_unique<H1Connection>(context, clients, std::move(*newcomer.fd), newcomer.peer, std::move(layer),
                                            newcomer.introduction.get(), newcomer.listener->https_port);
    case Listener::Protocol::tcp:
      return std::make_unique<TcpConnection>(context, clients, newcomer, std::move(layer));
  }
  std::abort();
}

}  // namespace edge
