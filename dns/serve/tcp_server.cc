#include "dns/serve/tcp_server.h"

#include <sys/socket.h>
#include <unistd.h>

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

constexpr unsigned kAcceptsATurn = 16;  // a flood of connections must not keep datagrams waiting
constexpr auto kAcceptPause = shared::milliseconds(100);
constexpr auto kIdleGranularity = shared::milliseconds(50);  // no timer fires more often for idle sessions

asio::ip::tcp protocol_of(const shared::Endpoint& endpoint) {
  return endpoint.address.family == shared::Family::ipv4 ? asio::ip::tcp::v4() : asio::ip::tcp::v6();
}

// Whom a cap is for: somebody with IPv6 has at least a /56.
shared::IpAddress client_of(const shared::IpAddress& address) {
  return address.family == shared::Family::ipv4 ? address : address.masked(56);
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
  for (const auto& [client, line] : clients_) {  // none is emptied
    while (line.size() > settings_.max_per_client) make_room_of(client);
  }
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
  const shared::IpAddress from = client_of(client.address);
  const auto others = clients_.find(from);
  if (others != clients_.end() && others->second.size() >= settings_.max_per_client) make_room_of(from);
  while (sessions_.size() >= settings_.max_connections) make_room();
  responder_.counters().tcp_accepted.add();
  responder_.counters().tcp_open.add();
  shared::TcpSocket socket(loop_.get_executor(), protocol_of(client), connected.release());
  auto session = std::make_shared<TcpSession>(*this, std::move(socket), client.address, shared::Clock::now());
  Places& places = session->places();
  places.all = sessions_.insert(sessions_.end(), session);
  places.client = clients_.try_emplace(from).first;
  places.in_client = places.client->second.insert(places.client->second.end(), session.get());
  session->start();
  close_idle_later();
}

// RFC 7766 section 6.2.3: at the cap the longest idle goes, not the new one.
void TcpServer::make_room() { close(*sessions_.front(), responder_.counters().tcp_closed_for_new); }

void TcpServer::make_room_of(const shared::IpAddress& client) {
  close(*clients_.find(client)->second.front(), responder_.counters().tcp_closed_for_client);
}

void TcpServer::close(TcpSession& session, shared::Counter& reason) {
  reason.add();
  const auto keep = *session.places().all;
  take_out(session.places());
  session.close();
}

void TcpServer::take_out(Places& places) {
  if (places.held > 0) holders_.erase(places.in_holders);
  held_ -= places.held;
  places.held = 0;
  places.client->second.erase(places.in_client);
  if (places.client->second.empty()) clients_.erase(places.client);
  sessions_.erase(places.all);
  responder_.counters().tcp_open.subtract();
}

void TcpServer::touched(Places& places) {
  sessions_.splice(sessions_.end(), sessions_, places.all);
  Line& line = places.client->second;
  line.splice(line.end(), line, places.in_client);
}

void TcpServer::holds(TcpSession& session, std::size_t octets) {
  Places& places = session.places();
  if (places.held == octets) return;
  if (places.held == 0) places.in_holders = holders_.insert(holders_.end(), &session);
  if (octets == 0) holders_.erase(places.in_holders);
  held_ += octets - places.held;
  places.held = octets;
  while (held_ > settings_.max_held) close(*holders_.front(), responder_.counters().tcp_closed_for_memory);
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
    TcpSession& session = *sessions_.front();
    close(session, session.writing() ? counters.tcp_closed_slow : counters.tcp_closed_idle);
  }
  check_drained();
}

void TcpServer::ended(Places& places) {
  take_out(places);
  check_drained();
}

void TcpServer::retire(std::function<void()> done) {
  drained_ = std::move(done);
  for (auto& acceptor : acceptors_) {
    while (accept_waiting(acceptor) == Backlog::more) continue;
    // Not just closed: while another process has the socket, only release() takes it out of our epoll set.
    error_code ignored;
    ::close(acceptor.release(ignored));
  }
  acceptors_.clear();
  accept_pause_.cancel();
  check_drained();
}

void TcpServer::hasten() {
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
  while (!sessions_.empty()) {
    const auto session = sessions_.front();
    take_out(session->places());
    session->close();
  }
  check_drained();
}

}  // namespace dns
