#include "dns/serve/tcp/tcp_server.h"

#include <algorithm>
#include <utility>

#include "dns/serve/tcp/tcp_session.h"
#include "shared/core/client_network.h"
#include "shared/serve/os/log.h"

namespace dns {

namespace {

constexpr auto kIdleGranularity = shared::milliseconds(50);  // idle sessions are looked for no more often

}  // namespace

std::uint32_t most_connections(std::uint64_t descriptors, const OwnDescriptors& own) {
  constexpr std::uint64_t kFiles = 32;      // standard streams, loops, signals, what a reload reads, resolvers' sockets
  constexpr std::uint64_t kOfWorker = 4;    // its loop and what wakes it
  constexpr std::uint64_t kMostAdmin = 64;  // sessions; with few descriptors fewer are kept free for them
  const std::uint64_t kept =
      kFiles + own.sockets + kOfWorker * own.workers + own.probed + std::min(kMostAdmin, descriptors / 8);
  const std::uint64_t least = std::max<std::uint64_t>(own.workers, 1);
  const std::uint64_t room = descriptors > kept + least ? descriptors - kept : least;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(room, 0xFFFFFFFF));
}

TcpServer::TcpServer(shared::WorkerLoop& loop, Responder& responder)
    : loop_(loop),
      responder_(responder),
      first_idle_([](void* self) { static_cast<TcpServer*>(self)->close_idle(); }, this),
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

void TcpServer::add_listener(shared::UniqueFd listening, MakeTls tls) {
  listeners_.push_back(std::make_unique<shared::Listener>(
      loop_, std::move(listening),
      [this, tls = std::move(tls)](shared::UniqueFd connected, const shared::Endpoint& client) {
        if (!tls) return start_session(std::move(connected), client, nullptr);
        // Without a certificate it is closed at once.
        if (auto session = tls()) start_session(std::move(connected), client, std::move(session));
      },
      [this] { out_of_descriptors(); }));
}

void TcpServer::out_of_descriptors() {
  shared::log_event(shared::Level::warn, "tcp_accept_failed", {{"reason", "no descriptors or memory left"}});
  // Accepting pauses after this, so room is made for several. Who has been idle for longest loses the least.
  for (std::size_t i = std::min<std::size_t>(sessions_.size(), sessions_.size() / 8 + 1); i > 0; --i) make_room();
}

void TcpServer::start_session(shared::UniqueFd connected, const shared::Endpoint& client,
                              std::unique_ptr<shared::TlsSession> tls) {
  const shared::IpAddress from = shared::client_network(client.address);
  const auto others = clients_.find(from);
  if (others != clients_.end() && others->second.size() >= settings_.max_per_client) make_room_of(from);
  while (sessions_.size() >= settings_.max_connections) make_room();
  responder_.counters().tcp_accepted.add();
  responder_.counters().tcp_open.add();
  auto session = std::make_shared<TcpSession>(
      *this, TcpSession::Client{.connected = std::move(connected), .tls = std::move(tls), .address = client.address},
      loop_.now());
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
  if (first_idle_set_ || sessions_.empty()) return;
  first_idle_set_ = true;
  const auto due = sessions_.front()->last_query() + settings_.idle_timeout;
  loop_.timers().set(first_idle_, std::max(due, loop_.now() + kIdleGranularity));
}

void TcpServer::close_idle() {
  first_idle_set_ = false;
  const auto limit = loop_.now() - settings_.idle_timeout;
  auto& counters = responder_.counters();
  while (!sessions_.empty() && sessions_.front()->last_query() <= limit) {
    TcpSession& session = *sessions_.front();
    close(session, session.writing() ? counters.tcp_closed_slow : counters.tcp_closed_idle);
  }
  close_idle_later();
  check_drained();
}

void TcpServer::ended(Places& places) {
  take_out(places);
  check_drained();
}

void TcpServer::drain(std::function<void()> done) {
  drained_ = std::move(done);
  for (const auto& listener : listeners_) listener->drain_and_close();
  listeners_.clear();
  check_drained();
}

void TcpServer::hasten() {
  const Sessions now = sessions_;  // some end at once
  for (const auto& session : now) session->drain();
  check_drained();
}

void TcpServer::check_drained() {
  if (!drained_ || !sessions_.empty()) return;
  const auto done = std::exchange(drained_, nullptr);
  done();
}

}  // namespace dns
