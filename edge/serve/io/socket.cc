#include "edge/serve/io/socket.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/serve/os/socket.h"

namespace edge {
namespace {

// The system calls of every request, without the C library's cancellation points: no thread of ours is ever cancelled,
// and preparing for it costs some 15 ns each time.
ssize_t receive_now(int fd, std::span<char> into) {
  return ::syscall(SYS_recvfrom, fd, into.data(), into.size(), 0, nullptr, nullptr);
}
ssize_t send_now(int fd, const iovec& part, int flags) {
  return ::syscall(SYS_sendto, fd, part.iov_base, part.iov_len, flags, nullptr, 0);
}

}  // namespace

void Waiter::resume(Wake reason) {
  if (!sleeper_) return;
  reason_ = reason;
  std::exchange(sleeper_, nullptr).resume();
}

Socket::Socket(shared::WorkerLoop& loop, int fd)
    : loop_(loop), fd_(fd), watch_{.handler = &Socket::on_event, .owner = this} {
  if (!loop_.watch(fd_, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, watch_)) {
    ::close(std::exchange(fd_, -1));
  }
}

void Socket::on_event(void* self, std::uint32_t events) {
  Socket& socket = *static_cast<Socket*>(self);
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) socket.broken_ = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) socket.peer_closed_ = true;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) socket.readable_ = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) socket.writable_ = true;
  if (socket.waiter_ != nullptr) {
    socket.waiter_->wake();
  } else if (socket.idle_.handler != nullptr) {
    socket.idle_.handler(socket.idle_.owner, events);
  }
}

IoResult Socket::received(ssize_t n, std::size_t wanted) {
  if (n > 0) {
    const auto bytes = static_cast<std::size_t>(n);
    // A short read has emptied the socket (epoll(7)); only a FIN can be left, and then we know of it.
    if (bytes < wanted && !peer_closed_) readable_ = false;
    return {.status = IoStatus::ok, .bytes = bytes};
  }
  if (n == 0) {
    peer_closed_ = true;
    return {.status = IoStatus::closed, .bytes = 0};
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    readable_ = false;
    return {.status = IoStatus::again, .bytes = 0};
  }
  peer_closed_ = broken_ = true;
  return {.status = IoStatus::failed, .bytes = 0};
}

IoResult Socket::receive(std::span<char> into) {
  if (!readable_) return {.status = IoStatus::again, .bytes = 0};
  ssize_t n = 0;
  do {
    n = receive_now(fd_, into);
  } while (n < 0 && errno == EINTR);
  return received(n, into.size());
}

IoResult Socket::receive(std::span<const iovec> into) {
  if (!readable_) return {.status = IoStatus::again, .bytes = 0};
  std::size_t wanted = 0;
  for (const iovec& part : into) wanted += part.iov_len;
  ssize_t n = 0;
  do {
    n = ::readv(fd_, into.data(), static_cast<int>(into.size()));
  } while (n < 0 && errno == EINTR);
  return received(n, wanted);
}

// tcp(7): MSG_TRUNC needs no buffer.
IoResult Socket::discard(std::size_t size) {
  if (!readable_) return {.status = IoStatus::again, .bytes = 0};
  ssize_t n = 0;
  do {
    n = ::recv(fd_, nullptr, size, MSG_TRUNC);
  } while (n < 0 && errno == EINTR);
  return received(n, size);
}

IoResult Socket::splice_to(int pipe, std::size_t size) {
  if (!readable_) return {.status = IoStatus::again, .bytes = 0};
  ssize_t n = 0;
  do {
    n = ::splice(fd_, nullptr, pipe, nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  } while (n < 0 && errno == EINTR);
  // A pipe may be full of small pieces before the socket is empty: less than was asked for says nothing.
  return received(n, 0);
}

IoResult Socket::sent(ssize_t n, std::size_t wanted) {
  if (n >= 0) {
    if (static_cast<std::size_t>(n) < wanted) writable_ = false;
    return {.status = IoStatus::ok, .bytes = static_cast<std::size_t>(n)};
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    writable_ = false;
    return {.status = IoStatus::again, .bytes = 0};
  }
  // What the peer said before it broke the connection can still be read.
  peer_closed_ = broken_ = readable_ = true;
  return {.status = IoStatus::failed, .bytes = 0};
}

IoResult Socket::send(std::span<const iovec> parts, Then then) {
  if (!writable_) return {.status = IoStatus::again, .bytes = 0};
  ssize_t n = 0;
  std::size_t wanted = 0;
  const int flags = MSG_NOSIGNAL | (then == Then::more ? MSG_MORE : 0);
  for (const iovec& part : parts) wanted += part.iov_len;
  do {
    if (parts.size() == 1) {
      n = send_now(fd_, parts[0], flags);
    } else {
      const msghdr message{.msg_name = nullptr,
                           .msg_namelen = 0,
                           .msg_iov = const_cast<iovec*>(parts.data()),  // sendmsg(2) only reads it
                           .msg_iovlen = parts.size(),
                           .msg_control = nullptr,
                           .msg_controllen = 0,
                           .msg_flags = 0};
      n = ::sendmsg(fd_, &message, flags);
    }
  } while (n < 0 && errno == EINTR);
  return sent(n, wanted);
}

IoResult Socket::splice_from(int pipe, std::size_t size) {
  if (!writable_) return {.status = IoStatus::again, .bytes = 0};
  ssize_t n = 0;
  do {
    n = ::splice(pipe, nullptr, fd_, nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  } while (n < 0 && errno == EINTR);
  return sent(n, 0);
}

IoResult Socket::send_file(int file, std::uint64_t offset, std::size_t size) {
  if (!writable_) return {.status = IoStatus::again, .bytes = 0};
  auto at = static_cast<off_t>(offset);
  ssize_t n = 0;
  do {
    n = ::sendfile(fd_, file, &at, size);
  } while (n < 0 && errno == EINTR);
  return sent(n, 0);  // less than `size` may be the file's end
}

void Socket::close() {
  if (fd_ < 0) return;
  loop_.forget(watch_);
  ::close(std::exchange(fd_, -1));
  readable_ = writable_ = false;
}

shared::UniqueFd Socket::release() {
  if (fd_ < 0) return {};
  loop_.unwatch(watch_, fd_);
  readable_ = writable_ = false;
  return shared::UniqueFd(std::exchange(fd_, -1));
}

void Socket::abort() {
  if (fd_ < 0) return;
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close();
}

void Socket::shutdown_send() {
  if (fd_ >= 0) ::shutdown(fd_, SHUT_WR);
}

void Socket::break_off() {
  if (fd_ < 0) return;
  ::shutdown(fd_, SHUT_RDWR);
  peer_closed_ = broken_ = readable_ = writable_ = true;
}

int Socket::connect_error() const {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

ConnectStart start_connect(const shared::Endpoint& to) {
  const shared::SocketAddress address = shared::to_socket_address(to);
  const int family = to.address.family == shared::Family::ipv4 ? AF_INET : AF_INET6;
  shared::UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return {.fd = {}, .error = errno};
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto* where = reinterpret_cast<const sockaddr*>(&address.bytes);
  if (::connect(fd.get(), where, address.length) == 0 || errno == EINPROGRESS) return {.fd = std::move(fd), .error = 0};
  return {.fd = {}, .error = errno};
}

}  // namespace edge
