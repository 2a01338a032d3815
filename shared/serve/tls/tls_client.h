#pragma once
// TlsClient: the client's end of TLS towards one kind of server: whose certificates it trusts, what it shows itself,
// and the sessions that it goes on with. Made by who connects; its thread only.

#include <memory>
#include <string_view>
#include <utility>

#include "shared/core/result.h"
#include "shared/load/client_tls.h"
#include "shared/serve/tls/tls_session.h"
#include "shared/serve/tls/tls_sessions.h"

namespace shared {

// The context for it, with what it trusts and shows; the caller owns it. Authorities that cannot be read are none:
// every certificate is refused.
[[nodiscard]] Result<SSL_CTX*> new_client_context(const ClientTls& tls);

// Protocols that may be spoken inside (ALPN, RFC 7301), as they are offered: each behind its length, the liked first.
inline constexpr std::string_view kAlpnHttp1 = "\x08http/1.1";
inline constexpr std::string_view kAlpnHttp2 = "\x02h2";
inline constexpr std::string_view kAlpnBoth = "\x02h2\x08http/1.1";

// One connection.
struct TlsAsk {
  std::string_view name;     // or address: asked for (SNI, names only) and, verified, the certificate's
  std::string_view alpn{};   // offered; empty: nothing
  std::string_view place{};  // of the server: sessions are resumed at the same one; empty: not at all
};

class TlsClient : public std::enable_shared_from_this<TlsClient> {
 public:
  [[nodiscard]] static Result<std::shared_ptr<TlsClient>> make(const ClientTls& settings);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  [[nodiscard]] std::unique_ptr<TlsSession> connect(const TlsAsk& ask);

 private:
  TlsClient(SSL_CTX* context, bool verifies) : context_(context), verifies_(verifies) { sessions_.use_in(context); }

  SSL_CTX* context_;
  bool verifies_;
  TlsSessions sessions_;
};

}  // namespace shared
