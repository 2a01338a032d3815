#include "edge/serve/listener.h"

#include <cerrno>
#include <utility>

#include <netinet/tcp.h>
#include <unistd.h>

#include "edge/serve/address.h"

namespace edge {
namespace {

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn

enum class Sharing : std::uint8_t { alone, reuse_port };

shared::Result<int> open_bound(const shared::Endpoint& at, Sharing sharing) {
  const SocketAddress address = to_socket_address(at);
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return shared::fail(errno_text("socket"));
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (sharing == Sharing::reuse_port) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (address.family() == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  // Accepted sockets inherit it: no call per connection.
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::bind(fd, address.get(), address.size) != 0 || ::listen(fd, kBacklog) != 0) {
    auto error = shared::fail("cannot listen on " + at.to_string() + ": " + errno_text("bind"));
    ::close(fd);
    return error;
  }
  return fd;
}

}  // namespace

shared::Result<int> open_listener(const shared::Endpoint& at) { return open_bound(at, Sharing::reuse_port); }

shared::Endpoint local_endpoint(int fd) {
  SocketAddress address;
  ::getsockname(fd, address.get(), &address.size);
  return to_endpoint(address);
}

shared::Result<void> check_unused(const shared::Endpoint& at) {
  const auto fd = open_bound(at, Sharing::alone);
  if (!fd) return tl::unexpected(fd.error());
  ::close(*fd);
  return {};
}

Listener::Listener(Loop& loop, int fd, OnAccept on_accept, OnFull on_full)
    : loop_(loop),
      fd_(fd),
      on_accept_(std::move(on_accept)),
      on_full_(std::move(on_full)),
      watch_{.handler = [](void* self, std::uint32_t) { static_cast<Listener*>(self)->accept_round(kRound); },
             .owner = this},
      pause_([](void* self) { static_cast<Listener*>(self)->resume(); }, this) {
  resume();
}

void Listener::resume() {
  // Level-triggered: what one round leaves is told again. Refused only out of memory: then tried again later.
  if (fd_ >= 0 && !loop_.watch(fd_, EPOLLIN, watch_)) loop_.timers().set(pause_, loop_.now() + kPause);
}

Listener::Accepted Listener::accept_one() {
  SocketAddress peer;
  const int fd = ::accept4(fd_, peer.get(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    on_accept_(fd, to_endpoint(peer));
    return Accepted::one;
  }
  switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return Accepted::full;
    case EAGAIN:
      return Accepted::none;
    default:  // the connection died in the queue (accept(2)): the next one may be well
      return Accepted::one;
  }
}

void Listener::accept_round(int limit) {
  for (int i = 0; i < limit && fd_ >= 0; ++i) {
    const Accepted accepted = accept_one();
    if (accepted == Accepted::none) return;
    if (accepted == Accepted::full) {
      loop_.unwatch(watch_, fd_);
      loop_.timers().set(pause_, loop_.now() + kPause);
      on_full_();
      return;
    }
  }
}

void Listener::drain_and_close() {
  accept_round(kBacklog);
  close();
}

void Listener::close() {
  if (fd_ < 0) return;
  loop_.timers().cancel(pause_);
  loop_.unwatch(watch_, fd_);
  ::close(std::exchange(fd_, -1));
}

}  // namespace edge
