#pragma once
// TlsClients: one worker's ends of TLS towards servers: a context for each kind of server, made when it is first needed
// and kept while its pool is, with the sessions that shorten its next handshakes. Owned by Upstreams; its worker's
// thread.

#include <memory>
#include <string_view>
#include <vector>

#include "edge/core/pool/pool.h"
#include "edge/serve/io/stream_layer.h"
#include "shared/core/ip.h"
#include "shared/load/client_tls.h"
#include "shared/serve/tls/tls_client.h"

namespace edge {

// The name that a server is asked for, and that its certificate must have if it is verified. `host` is the request's,
// as routes see it; empty: there is none.
[[nodiscard]] std::string_view tls_name(const PoolTls& tls, const Server& server, std::string_view host);

class TlsClients {
 public:
  struct Target {
    const std::shared_ptr<const shared::ClientTls>& tls;
    const shared::Endpoint& endpoint;
    std::string_view name;
    std::string_view alpn;
    std::string_view prologue;  // in clear text, before the handshake
  };

  TlsClients() = default;
  TlsClients(const TlsClients&) = delete;
  TlsClients& operator=(const TlsClients&) = delete;

  // Null: OpenSSL does not take what is to be shown.
  [[nodiscard]] std::unique_ptr<StreamLayer> layer(const Target& target);

 private:
  struct Known {
    std::weak_ptr<const shared::ClientTls> tls;
    std::shared_ptr<shared::TlsClient> client;  // null: could not be made
  };
  [[nodiscard]] shared::TlsClient* client_of(const std::shared_ptr<const shared::ClientTls>& tls);

  std::vector<Known> known_;
};

}  // namespace edge
