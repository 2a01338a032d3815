#pragma once
// TlsClient: the client's end of TLS towards one kind of server: whose certificates it trusts, what it shows itself,
// what it would speak inside (ALPN). Immutable; made by Control, any thread.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/result.h"
#include "shared/load/certified_key.h"
#include "shared/serve/tls/client_tls.h"
#include "shared/serve/tls/tls_session.h"

namespace shared {

struct TlsClientSettings {
  ClientTls server;                                     // `server_name` is that of connect() if it has none
  std::vector<std::string> alpn;                        // in the client's order; empty: not offered
  std::shared_ptr<const load::CertifiedKey> certified;  // shown to who asks for it; null: nothing
};

// The context for it, with what it trusts; the caller owns it. Authorities that cannot be read are none: every
// certificate is refused. Null: out of memory.
[[nodiscard]] SSL_CTX* new_client_context(const ClientTls& tls);

class TlsClient : public std::enable_shared_from_this<TlsClient> {
 public:
  [[nodiscard]] static Result<std::shared_ptr<const TlsClient>> make(TlsClientSettings settings);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // `name`, or address, is asked for (SNI, names only) and, verified, must be the certificate's.
  [[nodiscard]] std::unique_ptr<TlsSession> connect(std::string_view name) const;

 private:
  TlsClient(TlsClientSettings settings, SSL_CTX* context) : settings_(std::move(settings)), context_(context) {}

  TlsClientSettings settings_;
  SSL_CTX* context_;
};

}  // namespace shared
