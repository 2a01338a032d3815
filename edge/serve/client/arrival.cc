#include "edge/serve/client/arrival.h"

#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "shared/serve/os/log.h"

namespace edge {
namespace {

ssize_t receive(int fd, std::span<char> into, int flags) {
  ssize_t n = 0;
  do {
    n = ::recv(fd, into.data(), into.size(), flags);
  } while (n < 0 && errno == EINTR);
  return n;
}

}  // namespace

Arrival::Arrival(WorkerContext& context, Clients& clients, Newcomer newcomer)
    : context_(context),
      clients_(clients),
      newcomer_(std::move(newcomer)),
      deadline_(&Arrival::on_deadline, this),
      watch_{.handler = &Arrival::on_event, .owner = this} {}

// Absolute: octets that trickle buy no time.
void Arrival::start() {
  if (look() == Look::over) return;
  // Edge-triggered: a part that stays in the socket is told once.
  watched_ = context_.loop.watch(newcomer_.fd->get(), EPOLLIN | EPOLLRDHUP | EPOLLET, watch_);
  if (!watched_) return end();
  context_.loop.timers().set(deadline_, context_.now() + newcomer_.listener->introductions->timeout);
}

void Arrival::on_event(void* self, std::uint32_t events) {
  auto& arrival = *static_cast<Arrival*>(self);
  if (arrival.over_ || arrival.look() == Look::over) return;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) arrival.bad("closed inside the header");
}

void Arrival::on_deadline(void* self) {
  auto& arrival = *static_cast<Arrival*>(self);
  if (arrival.over_) return;
  arrival.context_.counters.proxy_late.add();
  arrival.end();
}

// What has come by now is served, and nothing else is waited for.
void Arrival::drain() {
  if (!over_ && look() == Look::waits) end();
}

Arrival::Look Arrival::look() {
  if (over_) return Look::over;
  std::array<char, shared::kMaxProxyHeader> octets;
  const ssize_t n = receive(newcomer_.fd->get(), octets, MSG_PEEK);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Look::waits;
  if (n <= 0) {  // a check of somebody who only wants to know whether the port is open
    context_.counters.proxy_unsaid.add();
    end();
    return Look::over;
  }
  const shared::ProxyRead read = shared::read_proxy_header({octets.data(), static_cast<std::size_t>(n)});
  if (read.state == shared::ProxyRead::State::incomplete) return Look::waits;
  if (read.state == shared::ProxyRead::State::bad) {
    bad(read.why);
  } else {
    welcome(read);
  }
  return Look::over;
}

void Arrival::bad(std::string_view why) {
  shared::log_event(shared::Level::debug, "proxy_header_refused",
                    {{"peer", newcomer_.peer.to_string()}, {"reason", why}});
  context_.counters.proxy_bad.add();
  end();
}

void Arrival::welcome(const shared::ProxyRead& read) {
  Newcomer next = newcomer_;
  std::array<char, shared::kMaxProxyHeader> header;
  // It is in the socket as a whole: it comes at once.
  if (receive(next.fd->get(), std::span(header).first(read.size), 0) != static_cast<ssize_t>(read.size)) {
    return bad("gone while it was read");
  }
  next.header_read = true;
  next.introduction = introduce(read.header);
  if (next.introduction != nullptr) {
    next.peer = next.introduction->source;
    context_.counters.proxy_client.add();
  } else {
    context_.counters.proxy_local.add();
  }
  if (std::exchange(watched_, false)) context_.loop.unwatch(watch_, next.fd->get());
  newcomer_.fd = nullptr;
  end();
  clients_.offer(std::move(next));
}

void Arrival::end() {
  if (std::exchange(over_, true)) return;
  release();
  clients_.remove(*this);
}

void Arrival::release() {
  context_.loop.timers().cancel(deadline_);
  if (std::exchange(watched_, false)) context_.loop.forget(watch_);
  newcomer_.fd = nullptr;
}

}  // namespace edge
