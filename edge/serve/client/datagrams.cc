#include "edge/serve/client/datagrams.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <utility>

#include "edge/serve/client/client_hash.h"
#include "edge/serve/request/session_account.h"
#include "shared/core/hash.h"
#include "shared/core/trace.h"
#include "shared/serve/loop/local_errors.h"
#include "shared/serve/os/socket.h"

namespace edge {
namespace {

constexpr shared::Duration kSweep = shared::milliseconds(500);
constexpr shared::Duration kYoung = shared::seconds(5);        // who spoke since gives his place to nobody
constexpr shared::Duration kLastAnswers = shared::seconds(2);  // after another process has taken over
constexpr unsigned kRounds = 4;                                // batches in one go: others want their turn

const PoolListener kNobody;

Error unreachable(int error) {
  if (shared::is_local_error(error)) {
    return {.kind = ErrorKind::exhausted, .side = Side::internal, .detail = "no descriptor, port or memory left"};
  }
  return {.kind = ErrorKind::connect_refused, .side = Side::upstream, .detail = "server unreachable"};
}

// A connected socket hears of ICMP errors, and of nobody but the server.
struct Connected {
  shared::UniqueFd fd;
  int error = 0;
};
Connected connect_datagrams(const shared::Endpoint& to) {
  const shared::SocketAddress address = shared::to_socket_address(to);
  const int family = to.address.family == shared::Family::ipv4 ? AF_INET : AF_INET6;
  shared::UniqueFd fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return {.fd = {}, .error = errno};
  const auto* where = reinterpret_cast<const sockaddr*>(&address.bytes);
  if (::connect(fd.get(), where, address.length) != 0) return {.fd = {}, .error = errno};
  return {.fd = std::move(fd), .error = 0};
}

}  // namespace

std::size_t Datagrams::Hash::operator()(const shared::Endpoint& at) const {
  static const std::uint64_t seed = std::uint64_t{std::random_device()()} << 32 | std::random_device()();
  return client_hash(seed, at);
}

Datagrams::Datagrams(WorkerContext& context, shared::UniqueFd socket, std::size_t listener)
    : context_(context),
      socket_(std::move(socket)),
      listener_(listener),
      watch_{.handler = &Datagrams::on_clients, .owner = this},
      sweeper_([](void* self) { static_cast<Datagrams*>(self)->sweep(); }, this) {
  static_cast<void>(context_.loop.watch(socket_.get(), EPOLLIN, watch_));
}

Datagrams::~Datagrams() {
  for (const auto& [client, session] : sessions_) context_.loop.forget(session->watch);
  context_.loop.unwatch(watch_, socket_.get());  // an heir may have it: closing it is not enough
}

const PoolListener& Datagrams::listener() const {
  const Snapshot& snapshot = context_.snapshots.current();
  if (snapshot.listeners == nullptr || listener_ >= snapshot.listeners->size()) return kNobody;
  return (*snapshot.listeners)[listener_];
}

void Datagrams::on_clients(void* self, std::uint32_t /*events*/) { static_cast<Datagrams*>(self)->from_clients(); }

void Datagrams::on_server(void* session, std::uint32_t /*events*/) {
  auto& its = *static_cast<Session*>(session);
  its.owner.from_server(its);
}

// The socket is watched by its level: what is left is told of again.
void Datagrams::from_clients() {
  for (unsigned round = 0; round < kRounds; ++round) {
    const unsigned count = batch_.receive(socket_.get());
    for (unsigned i = 0; i < count; ++i) deliver(i);
    if (count < DatagramBatch::kSize) return;
  }
}

// One that its server refuses goes to another, once.
void Datagrams::deliver(unsigned i) {
  for (int tries = 0; tries < 2; ++tries) {
    Session* const session = session_of(batch_.peer(i), i);
    if (session == nullptr) break;
    const Delivered delivered = send(*session, batch_.datagram(i));
    if (delivered == Delivered::yes) return touch(*session);
    if (delivered == Delivered::no) break;
    end(*session, unreachable(ECONNREFUSED));
  }
  context_.counters.datagrams_dropped.add();
}

Datagrams::Delivered Datagrams::send(Session& session, std::span<const char> datagram) {
  const ssize_t n = ::send(session.socket.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL);
  if (n < 0) return errno == ECONNREFUSED || errno == EHOSTUNREACH ? Delivered::refused : Delivered::no;
  session.octets_in += datagram.size();
  return Delivered::yes;
}

Datagrams::Session* Datagrams::session_of(const shared::Endpoint& client, unsigned i) {
  const auto found = sessions_.find(client);
  if (found != sessions_.end()) return found->second.get();
  return winding_down_ ? nullptr : begin(client, i);
}

// Nobody hears why a datagram is dropped: it is counted.
void Datagrams::refuse(const Error& error) { context_.counters.errors[static_cast<std::size_t>(error.kind)].add(); }

bool Datagrams::make_room(const PoolListener& at) {
  if (sessions_.size() < at.max_sessions) return true;
  Session& oldest = *order_.front();
  if (context_.now() - oldest.last < kYoung) return false;
  end(oldest,
      Error{.kind = ErrorKind::client_closed, .side = Side::client, .detail = "closed to make room for others"});
  return true;
}

Datagrams::Session* Datagrams::begin(const shared::Endpoint& client, unsigned i) {
  if (!make_room(listener())) return nullptr;
  auto made = std::make_unique<Session>(*this, client);
  Session& session = *made;
  const Snapshot& snapshot = *session.snapshot;
  session.listener = &listener();
  session.began = session.last = context_.now();
  const AskedConnection asked{.listener = *session.listener, .client = client.address, .now = context_.now()};
  shared::NullTrace trace;
  ConnectionDecision decision = decide_connection(snapshot, context_.live, asked, context_.balance, trace);
  if (decision.refusal) return refuse(*decision.refusal), nullptr;
  session.pool = decision.at_pool.pool;
  session.server = decision.first.server;
  const Visit::Books books{.live = context_.live, .servers = context_.servers};
  const Visit::Destination to{.pool = *session.pool, .server = *session.server, .permit = decision.first.permit};
  session.visit.emplace(books, to, context_.now());
  if (const auto failure = reach_server(session)) return refuse(*failure), nullptr;
  session.path = batch_.path(i);
  begin_session(context_, Transport::udp);
  session.place = order_.insert(order_.end(), &session);
  if (sessions_.empty()) sweep_soon();
  sessions_.emplace(client, std::move(made));
  return &session;
}

std::optional<Error> Datagrams::reach_server(Session& session) {
  const auto addresses = session.snapshot->addresses->of(session.server->id);
  const std::size_t which = addresses.size() > 1 ? shared::hash_to_index(context_.balance.draw(), addresses.size()) : 0;
  Connected connected = connect_datagrams(addresses[which]);
  if (!connected.fd.valid()) return unreachable(connected.error);
  session.socket = std::move(connected.fd);
  session.watch = {.handler = &Datagrams::on_server, .owner = &session};
  if (!context_.loop.watch(session.socket.get(), EPOLLIN, session.watch)) return unreachable(ENOMEM);
  return std::nullopt;
}

void Datagrams::touch(Session& session) {
  session.last = context_.now();
  order_.splice(order_.end(), order_, session.place);
}

void Datagrams::from_server(Session& session) {
  const unsigned count = batch_.receive(session.socket.get());
  if (count == 0) {
    if (errno == ECONNREFUSED || errno == EHOSTUNREACH) end(session, unreachable(errno));
    return;
  }
  if (session.first_answer == shared::TimePoint{}) {
    session.first_answer = context_.now();
    session.visit->hear(FirstWord::good, context_.now(), context_.now());
  }
  for (unsigned i = 0; i < count; ++i) session.octets_out += batch_.datagram(i).size();
  const unsigned taken = batch_.send(socket_.get(), count, session.path);
  for (unsigned i = taken; i < count; ++i) context_.counters.datagrams_dropped.add();
  touch(session);
}

void Datagrams::end(Session& session, std::optional<Error> error) {
  const bool heard = session.first_answer != shared::TimePoint{};
  const bool failed = error && error->side == Side::upstream;
  const BreakerOutcome outcome = failed  ? BreakerOutcome::failure
                                 : heard ? BreakerOutcome::success
                                         : BreakerOutcome::unknown;
  session.visit->end({.outcome = outcome,
                      .status = heard && !failed ? std::uint16_t{200} : std::uint16_t{0},
                      .first_byte = session.first_answer,
                      .reason = error ? error->detail : std::string_view()},
                     context_.now());
  account_session(context_, {.transport = Transport::udp,
                             .client = session.client.address,
                             .listener = session.listener->name,
                             .pool = session.pool->name,
                             .server = session.server->name,
                             .octets_in = session.octets_in,
                             .octets_out = session.octets_out,
                             .began = session.began,
                             .picked = session.began,
                             .connected = failed ? shared::TimePoint{} : session.began,
                             .first_byte = session.first_answer,
                             .attempts = 1,
                             .error = error});
  context_.loop.forget(session.watch);
  order_.erase(session.place);
  const shared::Endpoint client = session.client;
  sessions_.erase(client);
  if (winding_down_ && sessions_.empty() && finished_) context_.loop.defer(std::exchange(finished_, nullptr));
}

bool Datagrams::over(const Session& session) const {
  const bool handed_over = winding_down_ && *winding_down_ == Heir::accepts;
  const shared::Duration idle = session.listener->idle;
  return context_.now() - session.last >= (handed_over ? std::min<shared::Duration>(idle, kLastAnswers) : idle);
}

void Datagrams::sweep() {
  const bool all = context_.now() >= ends_;
  while (!order_.empty() && (all || over(*order_.front()))) {
    const bool cut = !over(*order_.front());
    end(*order_.front(),
        cut ? std::optional(Error{.kind = ErrorKind::drained, .detail = "the process ends"}) : std::nullopt);
  }
  if (!sessions_.empty()) sweep_soon();
}

void Datagrams::sweep_soon() { context_.loop.timers().set(sweeper_, std::min(context_.now() + kSweep, ends_)); }

void Datagrams::wind_down(Heir heir, std::function<void()> done) {
  winding_down_ = heir;
  finished_ = std::move(done);
  if (heir == Heir::accepts) context_.loop.unwatch(watch_, socket_.get());
  const shared::milliseconds grace = context_.snapshots.current().settings->drain_grace;
  ends_ = context_.now() + grace - grace / 10;
  sweep_soon();
  if (sessions_.empty()) std::exchange(finished_, nullptr)();
}

}  // namespace edge
