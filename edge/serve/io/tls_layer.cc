#include "edge/serve/io/tls_layer.h"

namespace edge {
namespace {

using shared::TlsSession;
using shared::TlsWire;

class SocketWire final : public TlsWire {
 public:
  explicit SocketWire(Socket& socket) : socket_(socket) {}

  Result take(std::span<char> into) override { return result(socket_.receive(into)); }
  Result give(std::span<const char> bytes, Then then) override {
    const iovec part{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};  // send only reads it
    return result(socket_.send(std::span(&part, 1), then == Then::more ? Socket::Then::more : Socket::Then::nothing));
  }

 private:
  static Result result(IoResult io) {
    switch (io.status) {
      case IoStatus::ok:
        return {.status = Status::ok, .bytes = io.bytes};
      case IoStatus::again:
        return {.status = Status::again, .bytes = 0};
      case IoStatus::closed:
        return {.status = Status::closed, .bytes = 0};
      case IoStatus::failed:
        break;
    }
    return {.status = Status::failed, .bytes = 0};
  }

  Socket& socket_;
};

IoStatus status_of(TlsSession::Status status) {
  switch (status) {
    case TlsSession::Status::ok:
      return IoStatus::ok;
    case TlsSession::Status::again:
      return IoStatus::again;
    case TlsSession::Status::closed:
      return IoStatus::closed;
    case TlsSession::Status::failed:
      break;
  }
  return IoStatus::failed;
}

}  // namespace

IoStatus TlsLayer::send_prologue(Socket& socket) {
  while (!prologue_.empty()) {
    const iovec part{.iov_base = prologue_.data(), .iov_len = prologue_.size()};
    const IoResult sent = socket.send(std::span(&part, 1));
    if (sent.status != IoStatus::ok) return sent.status;
    prologue_.erase(0, sent.bytes);
  }
  return IoStatus::ok;
}

Progress TlsLayer::advance(Socket& socket) {
  if (!prologue_.empty()) {
    const IoStatus sent = send_prologue(socket);
    if (sent != IoStatus::ok) return sent == IoStatus::again ? Progress::waiting : Progress::failed;
  }
  SocketWire wire(socket);
  const TlsSession::Status made = session_->handshake(wire);
  if (made == TlsSession::Status::again) return Progress::waiting;
  return made == TlsSession::Status::ok ? Progress::ready : Progress::failed;
}

IoResult TlsLayer::receive(Socket& socket, std::span<char> into) {
  SocketWire wire(socket);
  const TlsSession::Result received = session_->receive(wire, into);
  return {.status = status_of(received.status), .bytes = received.bytes};
}

IoResult TlsLayer::send(Socket& socket, std::span<const iovec> parts) {
  SocketWire wire(socket);
  const TlsSession::Result sent = session_->send(wire, parts);
  return {.status = status_of(sent.status), .bytes = sent.bytes};
}

IoStatus TlsLayer::shutdown(Socket& socket) {
  SocketWire wire(socket);
  return status_of(session_->shutdown(wire));
}

// What is broken or has ended says so at once.
bool TlsLayer::readable(const Socket& socket) const {
  if (session_->buffered() || session_->ended()) return true;
  return session_->receive_wants_write() ? socket.writable() : socket.readable();
}

bool TlsLayer::writable(const Socket& socket) const {
  return session_->send_wants_read() ? socket.readable() : socket.writable();
}

bool TlsLayer::silent(Socket& socket) {
  if (session_->ended() || socket.peer_closed()) return false;
  if (!session_->buffered() && !socket.readable()) return true;
  SocketWire wire(socket);
  return session_->silent(wire);
}

}  // namespace edge
