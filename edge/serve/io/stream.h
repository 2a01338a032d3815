#pragma once
// Stream: one connection as whoever reads and writes messages sees it: a socket, or a socket under a layer (TLS), see
// stream_layer.h for all that this changes. Concrete: a plain stream is its socket, every call inlined to it. Nothing
// else in edge/serve speaks to a Socket but Splice, which needs two raw ones. Owned by connections of clients and to
// servers; their worker's thread.
//
//   connecting --progress()--> handshake --progress()--> ready --shutdown()--> (the peer's end) --close()-->
//   (to servers)               (with a layer)

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "edge/serve/io/socket.h"
#include "edge/serve/io/stream_layer.h"

namespace edge {

class Stream {
 public:
  enum class Stage : std::uint8_t { connecting, handshake, ready, failed };

  // Takes the descriptor, which is connected, or a non-blocking connect(2) of which is under way. is_open() is false
  // when the loop could not watch it.
  enum class Begin : std::uint8_t { connected, connecting };
  Stream(shared::WorkerLoop& loop, int fd, Begin begin, std::unique_ptr<StreamLayer> layer = nullptr);
  ~Stream() { close(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Goes on with what has to be done before octets pass. `waiting`: call again after an event.
  [[nodiscard]] Progress progress() { return stage_ == Stage::ready ? Progress::ready : advance(); }
  [[nodiscard]] Stage stage() const { return stage_; }
  // After `failed`: connect(2)'s errno; 0: it stood, and the handshake failed.
  [[nodiscard]] int connect_error() const { return connect_error_; }

  // REQUIRES of both: ready.
  [[nodiscard]] IoResult receive(std::span<char> into) {
    if (layer_ == nullptr) [[likely]]
      return socket_.receive(into);
    return layer_->receive(socket_, into);
  }
  // After `again` the next send begins with the same octets and offers no fewer.
  [[nodiscard]] IoResult send(std::span<const iovec> parts) {
    if (layer_ == nullptr) [[likely]]
      return socket_.send(parts);
    return layer_->send(socket_, parts);
  }
  // Whether a call may give more than `again`: not whether the descriptor is ready.
  [[nodiscard]] bool readable() const { return layer_ == nullptr ? socket_.readable() : layer_->readable(socket_); }
  [[nodiscard]] bool writable() const { return layer_ == nullptr ? socket_.writable() : layer_->writable(socket_); }
  // The peer has said that nothing more comes, or the connection is broken.
  [[nodiscard]] bool peer_closed() const {
    return layer_ == nullptr ? socket_.peer_closed() : layer_->peer_closed(socket_);
  }
  // Reset, or closed both ways.
  [[nodiscard]] bool broken() const { return socket_.broken(); }
  // While nothing is due from the peer: that it has neither spoken nor closed. One system call at most if no event has
  // told otherwise.
  [[nodiscard]] bool silent();

  [[nodiscard]] bool layered() const { return layer_ != nullptr; }
  // Null: not TLS.
  [[nodiscard]] const shared::TlsSession* tls() const { return layer_ == nullptr ? nullptr : layer_->tls(); }
  // The socket where octets pass unchanged, for who moves them inside the kernel; else null.
  [[nodiscard]] Socket* raw() { return layer_ == nullptr ? &socket_ : nullptr; }

  // Nothing more will be sent. `again`: the words for it have not all gone, wait and call again. A plain stream has
  // none but a FIN.
  [[nodiscard]] IoStatus shutdown();
  // Up to `size` octets of what the peer sends, thrown away in the kernel, for who will never receive again: they are
  // not even deciphered.
  [[nodiscard]] IoResult discard(std::size_t size) { return socket_.discard(size); }
  // A layer's last words are sent if the kernel takes them at once; nobody waits. Who wants to be sure that they arrive
  // has called shutdown() before.
  void close();
  // Closes with RST and without a word: what was sent so far cannot pass for a whole message.
  void abort() { socket_.abort(); }
  // The connection is over, as if the peer had broken it; whoever uses the stream finds that out.
  void break_off() { socket_.break_off(); }

  // For another stream, which goes on where this one has come to; this one is closed then, with no word to the peer.
  struct Parts {
    shared::UniqueFd fd;
    std::unique_ptr<StreamLayer> layer;
  };
  [[nodiscard]] Parts release() { return {.fd = socket_.release(), .layer = std::move(layer_)}; }

  [[nodiscard]] bool is_open() const { return socket_.is_open(); }
  // A system call. REQUIRES: is_open().
  [[nodiscard]] shared::Endpoint local_endpoint() const;
  // For who is about to close: what has come and no event has told yet is read, too.
  void assume_readable() { socket_.assume_readable(); }
  // As Socket's.
  void bind(Waiter* waiter) { socket_.bind(waiter); }
  void on_idle_event(shared::Watch watch) { socket_.on_idle_event(watch); }

 private:
  Progress advance();

  Socket socket_;
  std::unique_ptr<StreamLayer> layer_;
  int connect_error_ = 0;
  Stage stage_;
};

}  // namespace edge
