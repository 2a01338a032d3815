#include "dns/serve/tcp_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "dns/serve/tcp_session.h"
#include "shared/serve/log.h"
#include "shared/serve/socket.h"

namespace dns {

using shared::error_code;
namespace asio = shared::asio;

namespace {

constexpr unsigned kAcceptsATurn = 64;
constexpr auto kAcceptPause = shared::milliseconds(100);
constexpr auto kIdleGranularity = shared::milliseconds(50);  // no timer fires more often for idle sessions

asio::ip::tcp protocol_of(const shared::Endpoint& endpoint) {
  return endpoint.address.family == shared::Family::ipv4 ? asio::ip::tcp::v4() : asio::ip::tcp::v6();
}

}  // namespace

TcpServer::TcpServer(shared::Loop& loop, Responder& responder)
    : loop_(loop),
      responder_(responder),
      idle_timer_(loop),
      accept_pause_(loop),
      input_(TcpSession::kMaxFrame),
      answers_(TcpSession::kFlushAt + TcpSession::kMaxFrame) {}

TcpServer::~TcpServer() = default;

void TcpServer::set(const TcpSettings& settings) {
  settings_ = settings;
  while (sessions_.size() > settings_.max_connections) make_room();
}

void TcpServer::add_listener(shared::UniqueFd listening) {
  const auto protocol = protocol_of(shared::local_endpoint(listening.get()));
  acceptors_.emplace_back(loop_.get_executor(), protocol, listening.release());
  accept_when_ready(acceptors_.back());
}

void TcpServer::accept_when_ready(shared::TcpAcceptor& acceptor) {
  acceptor.async_wait(asio::socket_base::wait_read, [this, &acceptor](error_code error) {
    if (error) return;
    if (accept_waiting(acceptor) == Backlog::failing) return pause_accepting(acceptor);
    accept_when_ready(acceptor);
  });
}

TcpServer::Backlog TcpServer::accept_waiting(shared::TcpAcceptor& acceptor) {
  for (unsigned i = 0; i < kAcceptsATurn; ++i) {
    shared::SocketAddress from;
    from.length = sizeof from.bytes;
    const int fd = ::accept4(acceptor.native_handle(), reinterpret_cast<sockaddr*>(from.bytes), &from.length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      start_session(shared::UniqueFd(fd), shared::from_socket_address(from.bytes));
    } else if (errno == EAGAIN) {
      return Backlog::empty;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return Backlog::failing;
    }  // else: that one connection is gone already
  }
  return Backlog::more;
}

// No descriptors are left: waiting for readability would spin.
void TcpServer::pause_accepting(shared::TcpAcceptor& acceptor) {
  shared::log_event(shared::Level::warn, "tcp_accept_failed", {{"reason", "no descriptors or memory left"}});
  if (!sessions_.empty()) make_room();
  accept_pause_.expires_after(kAcceptPause);
  accept_pause_.async_wait([this, &acceptor](error_code error) {
    if (!error) accept_when_ready(acceptor);
  });
}

void TcpServer::start_session(shared::UniqueFd connected, const shared::Endpoint& client) {
  while (sessions_.size() >= settings_.max_connections) make_room();
  responder_.counters().tcp_accepted.add();
  responder_.counters().tcp_open.add();
  shared::TcpSocket socket(loop_.get_executor(), protocol_of(client), connected.release());
  auto session = std::make_shared<TcpSession>(*this, std::move(socket), client.address, shared::Clock::now());
  sessions_.push_back(session);
  session->start(std::prev(sessions_.end()));
  close_idle_later();
}

// RFC 7766 section 6.2.3: at the cap the longest idle goes, not the new one.
void TcpServer::make_room() {
  responder_.counters().tcp_closed_for_new.add();
  take_longest_idle()->close();
}

std::shared_ptr<TcpSession> TcpServer::take_longest_idle() {
  auto session = std::move(sessions_.front());
  sessions_.pop_front();
  responder_.counters().tcp_open.subtract();
  return session;
}

void TcpServer::close_idle_later() {
  if (idle_timer_runs_ || sessions_.empty()) return;
  idle_timer_runs_ = true;
  const auto due = sessions_.front()->last_query() + settings_.idle_timeout;
  idle_timer_.expires_at(std::max(due, shared::Clock::now() + kIdleGranularity));
  idle_timer_.async_wait([this](error_code error) {
    if (error) return;
    idle_timer_runs_ = false;
    close_idle();
    close_idle_later();
  });
}

void TcpServer::close_idle() {
  const auto limit = shared::Clock::now() - settings_.idle_timeout;
  auto& counters = responder_.counters();
  while (!sessions_.empty() && sessions_.front()->last_query() <= limit) {
    const auto session = take_longest_idle();
    (session->writing() ? counters.tcp_closed_slow : counters.tcp_closed_idle).add();
    session->close();
  }
  check_drained();
}

void TcpServer::ended(Sessions::iterator place) {
  sessions_.erase(place);
  responder_.counters().tcp_open.subtract();
  check_drained();
}

void TcpServer::drain(std::function<void()> done) {
  drained_ = std::move(done);
  for (auto& acceptor : acceptors_) {
    while (accept_waiting(acceptor) == Backlog::more) continue;
  }
  acceptors_.clear();
  accept_pause_.cancel();
  const Sessions now = sessions_;  // some end at once
  for (const auto& session : now) session->drain();
  check_drained();
}

void TcpServer::check_drained() {
  if (!drained_ || !sessions_.empty()) return;
  idle_timer_.cancel();
  const auto done = std::exchange(drained_, nullptr);
  done();
}

void TcpServer::close_all() {
  acceptors_.clear();
  accept_pause_.cancel();
  while (!sessions_.empty()) take_longest_idle()->close();
  check_drained();
}

}  // namespace dns
