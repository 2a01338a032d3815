#pragma once
// TlsLayer: TLS between a stream's octets and its socket's, either end; OpenSSL reads and writes the socket itself, so
// that a record is copied once, where it is ciphered. Owned by its Stream; one thread.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "edge/serve/io/frame_pool.h"
#include "edge/serve/io/stream_layer.h"
#include "shared/serve/tls/tls_session.h"

namespace edge {

class TlsLayer final : public StreamLayer, public Pooled {
 public:
  // `prologue` goes out before the handshake, in clear text: a PROXY header to a server.
  explicit TlsLayer(std::unique_ptr<shared::TlsSession> session, std::string_view prologue = {})
      : session_(std::move(session)), prologue_(prologue) {}

  Progress advance(Socket& socket) override;
  IoResult receive(Socket& socket, std::span<char> into) override;
  IoResult send(Socket& socket, std::span<const iovec> parts) override;
  IoStatus shutdown(Socket& socket) override;
  bool readable(const Socket& socket) const override;
  bool writable(const Socket& socket) const override;
  bool peer_closed(const Socket& socket) const override { return session_->ended() || socket.peer_closed(); }
  bool silent(Socket& socket) override;
  const shared::TlsSession* tls() const override { return session_.get(); }

 private:
  [[nodiscard]] IoStatus send_prologue(Socket& socket);

  std::unique_ptr<shared::TlsSession> session_;
  std::string prologue_;  // what is left of it
};

}  // namespace edge
