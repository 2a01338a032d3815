#include "shared/serve/loop/listener.h"

#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "shared/serve/os/socket.h"

namespace shared {
namespace {

constexpr int kMaxQueued = 4096;  // what a drain accepts at most

}  // namespace

Listener::Listener(WorkerLoop& loop, UniqueFd fd, OnAccept on_accept, OnFull on_full)
    : loop_(loop),
      fd_(std::move(fd)),
      on_accept_(std::move(on_accept)),
      on_full_(std::move(on_full)),
      watch_{.handler = [](void* self, std::uint32_t) { static_cast<Listener*>(self)->accept_round(kRound); },
             .owner = this},
      pause_([](void* self) { static_cast<Listener*>(self)->resume(); }, this) {
  resume();
}

void Listener::resume() {
  // Level-triggered: what one round leaves is told again. Refused only out of memory: then tried again later.
  if (fd_.valid() && !loop_.watch(fd_.get(), EPOLLIN, watch_)) loop_.timers().set(pause_, loop_.now() + kPause);
}

Listener::Accepted Listener::accept_one() {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  UniqueFd fd(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd.valid()) {
    on_accept_(std::move(fd), from_socket_address(&peer));
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
  for (int i = 0; i < limit && fd_.valid(); ++i) {
    const Accepted accepted = accept_one();
    if (accepted == Accepted::none) return;
    if (accepted == Accepted::full) {
      loop_.unwatch(watch_, fd_.get());
      loop_.timers().set(pause_, loop_.now() + kPause);
      on_full_();
      return;
    }
  }
}

void Listener::drain_and_close() {
  accept_round(kMaxQueued);
  close();
}

void Listener::close() {
  if (!fd_.valid()) return;
  loop_.timers().cancel(pause_);
  loop_.unwatch(watch_, fd_.get());
  fd_.reset();
}

}  // namespace shared
