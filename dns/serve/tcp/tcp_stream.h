#pragma once
// TcpStream: the octets of one TCP connection, plain or under TLS (RFC 7858), as a session reads and writes them. Calls
// never wait; events() says what to wait for. Shakes hands by itself, in the first calls. Owned by its session; the
// worker's thread only.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dns/serve/responder/counters.h"
#include "shared/serve/os/unique_fd.h"
#include "shared/serve/tls/tls_session.h"

namespace dns {

class TcpStream {
 public:
  enum class Status : std::uint8_t { ok, again, closed };
  struct Result {
    Status status;
    std::size_t octets;  // of `ok`
  };

  // `tls`: null is plain.
  TcpStream(shared::UniqueFd connected, std::unique_ptr<shared::TlsSession> tls, WorkerCounters& counters)
      : socket_(std::move(connected)), tls_(std::move(tls)), counters_(counters) {}
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] bool open() const { return socket_.valid(); }
  [[nodiscard]] bool layered() const { return tls_ != nullptr; }

  // As many as there are and fit.
  [[nodiscard]] Result receive(std::span<std::uint8_t> into);
  // `ok` may be for a part of them; what is left is what the next send begins with.
  [[nodiscard]] Result send(std::span<const std::uint8_t> octets);
  // For epoll_ctl(2), after `again` of a receive or of a send.
  [[nodiscard]] std::uint32_t events(bool sending) const;
  // Something, or the end, can be received that no event tells of.
  [[nodiscard]] bool pending() const { return ready_ && (tls_->buffered() || tls_->ended()); }
  // Something can be received.
  [[nodiscard]] bool more_has_come() const;
  // With TLS's last word, if the kernel takes it at once.
  void close();

 private:
  class Wire;
  [[nodiscard]] Status shake_hands();

  shared::UniqueFd socket_;
  std::unique_ptr<shared::TlsSession> tls_;
  WorkerCounters& counters_;
  bool ready_ = false;  // of TLS
};

}  // namespace dns
