#pragma once
// TlsSessions: what a client keeps of its sessions, the last one with each server, so that the next handshake with it
// needs no certificate (RFC 8446 2.2, RFC 5077). Bounded. Owned by a TlsClient; its thread.

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include <openssl/ssl.h>

namespace shared {

class TlsSessions {
 public:
  static constexpr std::size_t kMost = 512;  // servers

  TlsSessions() = default;
  TlsSessions(const TlsSessions&) = delete;
  TlsSessions& operator=(const TlsSessions&) = delete;

  // Of one client's context, before it is used; outlives its connections.
  void use_in(SSL_CTX* context);
  // Before the handshake; `server` says who must be the same for a session to be of use.
  void resume(SSL* ssl, std::string server);
  [[nodiscard]] std::size_t size() const { return kept_.size(); }

 private:
  using Session = std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)>;

  static int on_session(SSL* ssl, SSL_SESSION* session);

  std::unordered_map<std::string, Session> kept_;
};

}  // namespace shared
