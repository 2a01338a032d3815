#pragma once
// StreamLayer: what stands between a stream's octets and its socket's where the two differ: TLS. A plain stream has
// none, so this seam may be virtual and costs the plain path one test of a pointer (docs/decisions/020). What TLS makes
// of a socket, and so what a layer owes to whoever uses the stream:
//
//   - Connected is not yet ready: advance() shakes hands until `ready`; octets pass only then.
//   - Plaintext that is buffered inside is readable, although the descriptor is not and no event tells of it.
//   - A receive may want the socket to take something, a send may want it to give something. After `again`, readable()
//     and writable() are false until an event has changed that; whoever sleeps is woken by every event of the socket.
//   - A send counts what has gone to the kernel. A record that is half out counts as nothing (`again`), and the next
//     send begins with the same octets and offers no fewer of them.
//   - Not everything that comes is plaintext. A session ticket or a key update on a connection on which nothing is due
//     is not the peer's close: silent() takes it in.
//   - The end has octets of its own (close_notify), so shutdown() may have to wait; and an end of the socket without
//     them is a cut: `failed`, never `closed`.
//
// Owned by its Stream, which passes its socket to every call; one thread.

#include <span>

#include <sys/uio.h>

#include "edge/serve/io/socket.h"
#include "shared/serve/tls/tls_session.h"

namespace edge {

enum class Progress : std::uint8_t { ready, waiting, failed };

class StreamLayer {
 public:
  StreamLayer() = default;
  virtual ~StreamLayer() = default;
  StreamLayer(const StreamLayer&) = delete;
  StreamLayer& operator=(const StreamLayer&) = delete;

  // The handshake, once the socket is connected.
  [[nodiscard]] virtual Progress advance(Socket& socket) = 0;
  [[nodiscard]] virtual IoResult receive(Socket& socket, std::span<char> into) = 0;
  [[nodiscard]] virtual IoResult send(Socket& socket, std::span<const iovec> parts) = 0;
  // `ok`: said, and so it is at every further call; `again`: wait and call again.
  [[nodiscard]] virtual IoStatus shutdown(Socket& socket) = 0;
  // Whether a call may give more than `again`.
  [[nodiscard]] virtual bool readable(const Socket& socket) const = 0;
  [[nodiscard]] virtual bool writable(const Socket& socket) const = 0;
  // The peer has said that nothing more comes, or the connection is broken.
  [[nodiscard]] virtual bool peer_closed(const Socket& socket) const = 0;
  // Nothing is due: takes in what is the layer's own. False: the peer has spoken or closed.
  [[nodiscard]] virtual bool silent(Socket& socket) = 0;
  // What the handshake has agreed on, and why it failed; null: this layer is not TLS. Stays as long as the layer.
  [[nodiscard]] virtual const shared::TlsSession* tls() const { return nullptr; }
};

}  // namespace edge
