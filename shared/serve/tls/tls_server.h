#pragma once
// TlsServer: the server's end of TLS for one listener: hosts with their certificates and the rules for clients'
// certificates, which of them a client meets by the name it asks for (SNI), and what it may speak inside (ALPN).
// Immutable: other certificates are another TlsServer, and sessions keep theirs. Made by Control; any thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shared/core/result.h"
#include "shared/load/tls_hosts.h"
#include "shared/serve/tls/ticket_keys.h"
#include "shared/serve/tls/tls_session.h"

namespace shared {

struct TlsServerSettings {
  std::vector<load::TlsHost> hosts;  // the first is for names that none has, and for clients that ask for none
  bool strict_names = false;         // these are refused
  std::vector<std::string> alpn;     // in the server's order; empty: nothing is agreed on
};

class TlsServer : public std::enable_shared_from_this<TlsServer> {
 public:
  // `tickets` outlives all sessions.
  [[nodiscard]] static Result<std::shared_ptr<const TlsServer>> make(TlsServerSettings settings, TicketKeys& tickets);
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  [[nodiscard]] std::unique_ptr<TlsSession> accept() const;
  // Which of the hosts a name meets.
  [[nodiscard]] std::size_t host_of(std::string_view name) const;
  // Whether who was let in by one host would have been by the other, too: the rules for clients' certificates are the
  // same.
  [[nodiscard]] bool same_rule(std::size_t one, std::size_t other) const;
  [[nodiscard]] bool asks_for_certificates() const { return asks_; }
  [[nodiscard]] const TlsServerSettings& settings() const { return settings_; }

 private:
  struct FreeContext {
    void operator()(SSL_CTX* context) const;
  };
  using Context = std::unique_ptr<SSL_CTX, FreeContext>;
  struct Host {
    Context context;
    int verify = 0;
    std::string session_id;  // binds tickets to the host and its rule (RFC 5077 section 5.9)
  };
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };

  explicit TlsServer(TlsServerSettings settings) : settings_(std::move(settings)) {}
  [[nodiscard]] Result<Host> make_host(const load::TlsHost& host, TicketKeys& tickets);
  [[nodiscard]] const std::size_t* find(std::string_view name) const;
  int meet(SSL* ssl, int* alert) const;

  static int on_hello(SSL* ssl, int* alert, void* self);
  static int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                     unsigned int offered_size, void* self);
  static int on_status(SSL* ssl, void* self);
  static int on_name(SSL* ssl, int* alert, void* self);

  TlsServerSettings settings_;
  bool asks_ = false;  // any host
  std::string alpn_;   // as on the wire
  std::vector<Host> hosts_;
  std::unordered_map<std::string, std::size_t, NameHash, std::equal_to<>> names_;  // a wildcard without its star
};

}  // namespace shared
