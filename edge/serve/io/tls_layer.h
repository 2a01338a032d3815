#pragma once
// TlsLayer: TLS between a stream's octets and its socket's, either end; OpenSSL reads and writes the socket itself, so
// that a record is copied once, where it is ciphered. Owned by its Stream; one thread.

#include <memory>

#include "edge/serve/io/frame_pool.h"
#include "edge/serve/io/stream_layer.h"
#include "shared/serve/tls/tls_session.h"

namespace edge {

class TlsLayer final : public StreamLayer, public Pooled {
 public:
  explicit TlsLayer(std::unique_ptr<shared::TlsSession> session) : session_(std::move(session)) {}

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
  std::unique_ptr<shared::TlsSession> session_;
};

}  // namespace edge
