#include "dns/serve/tcp/tcp_stream.h"

#include <cerrno>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace dns {

using shared::TlsSession;
using shared::TlsWire;

class TcpStream::Wire final : public TlsWire {
 public:
  explicit Wire(int fd) : fd_(fd) {}

  Result take(std::span<char> into) override { return result(::recv(fd_, into.data(), into.size(), MSG_DONTWAIT)); }
  Result give(std::span<const char> bytes, Then /*then*/) override {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent == 0 ? Result{.status = Status::failed, .bytes = 0} : result(sent);
  }

 private:
  static Result result(ssize_t n) {
    if (n > 0) return {.status = Status::ok, .bytes = static_cast<std::size_t>(n)};
    if (n == 0) return {.status = Status::closed, .bytes = 0};
    return {.status = errno == EAGAIN || errno == EINTR ? Status::again : Status::failed, .bytes = 0};
  }

  int fd_;
};

TcpStream::Status TcpStream::shake_hands() {
  Wire wire(socket_.get());
  const TlsSession::Status made = tls_->handshake(wire);
  if (made == TlsSession::Status::again) return Status::again;
  if (made != TlsSession::Status::ok) {
    counters_.tls_failed[static_cast<std::size_t>(tls_->failure())].add();
    return Status::closed;
  }
  ready_ = true;
  counters_.tls_handshakes[tls_->facts().resumed ? 1 : 0].add();
  return Status::ok;
}

TcpStream::Result TcpStream::receive(std::span<std::uint8_t> into) {
  if (tls_ == nullptr) {
    const ssize_t got = ::recv(socket_.get(), into.data(), into.size(), MSG_DONTWAIT);
    if (got > 0) return {.status = Status::ok, .octets = static_cast<std::size_t>(got)};
    const bool nothing_yet = got < 0 && (errno == EAGAIN || errno == EINTR);
    return {.status = nothing_yet ? Status::again : Status::closed, .octets = 0};
  }
  if (!ready_) {
    const Status made = shake_hands();
    if (made != Status::ok) return {.status = made, .octets = 0};
  }
  Wire wire(socket_.get());
  std::size_t octets = 0;
  while (octets < into.size()) {  // a record at a time
    const auto rest = into.subspan(octets);
    const TlsSession::Result got = tls_->receive(wire, {reinterpret_cast<char*>(rest.data()), rest.size()});
    octets += got.bytes;
    if (got.status == TlsSession::Status::ok) continue;
    if (octets > 0) break;  // an end is told the next time
    return {.status = got.status == TlsSession::Status::again ? Status::again : Status::closed, .octets = 0};
  }
  return {.status = Status::ok, .octets = octets};
}

TcpStream::Result TcpStream::send(std::span<const std::uint8_t> octets) {
  if (tls_ == nullptr) {
    const ssize_t sent = ::send(socket_.get(), octets.data(), octets.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return {.status = Status::ok, .octets = static_cast<std::size_t>(sent)};
    return {.status = errno == EAGAIN || errno == EINTR ? Status::again : Status::closed, .octets = 0};
  }
  Wire wire(socket_.get());
  const iovec part{.iov_base = const_cast<std::uint8_t*>(octets.data()), .iov_len = octets.size()};  // only read
  const TlsSession::Result sent = tls_->send(wire, std::span(&part, 1));
  if (sent.status == TlsSession::Status::ok) return {.status = Status::ok, .octets = sent.bytes};
  return {.status = sent.status == TlsSession::Status::again ? Status::again : Status::closed, .octets = 0};
}

std::uint32_t TcpStream::events(bool sending) const {
  bool write = sending;
  if (tls_ != nullptr) {
    if (!ready_) {
      write = tls_->wants_write();
    } else {
      write = sending ? !tls_->send_wants_read() : tls_->receive_wants_write();
    }
  }
  return write ? EPOLLOUT : EPOLLIN;
}

bool TcpStream::more_has_come() const {
  if (pending()) return true;
  std::uint8_t octet = 0;
  return ::recv(socket_.get(), &octet, sizeof octet, MSG_DONTWAIT | MSG_PEEK) > 0;
}

void TcpStream::close() {
  if (!socket_.valid()) return;
  if (ready_) {
    Wire wire(socket_.get());
    static_cast<void>(tls_->shutdown(wire));
  }
  socket_.reset();
}

}  // namespace dns
