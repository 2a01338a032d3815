#include "edge/serve/upstream/tls_clients.h"

#include <string>

#include "edge/serve/io/tls_layer.h"
#include "shared/serve/os/log.h"

namespace edge {

std::string_view tls_name(const PoolTls& tls, const Server& server, std::string_view host) {
  if (!tls.client->server_name.empty()) return tls.client->server_name;
  return tls.asks_for_requests_host && !host.empty() ? host : std::string_view(server.host);
}

std::unique_ptr<StreamLayer> TlsClients::layer(const Target& target) {
  shared::TlsClient* const client = client_of(target.tls);
  if (client == nullptr) return nullptr;
  const std::string place = target.endpoint.to_string();
  return std::make_unique<TlsLayer>(client->connect({.name = target.name, .alpn = target.alpn, .place = place}),
                                    target.prologue);
}

shared::TlsClient* TlsClients::client_of(const std::shared_ptr<const shared::ClientTls>& tls) {
  for (const Known& known : known_) {
    if (!known.tls.owner_before(tls) && !tls.owner_before(known.tls)) return known.client.get();
  }
  std::erase_if(known_, [](const Known& known) { return known.tls.expired(); });
  auto made = shared::TlsClient::make(*tls);
  if (!made) {
    shared::log_event(shared::Level::error, "client_certificate_unused", {{"reason", made.error().message}});
  }
  known_.push_back({tls, made ? std::move(*made) : nullptr});
  return known_.back().client.get();
}

}  // namespace edge
