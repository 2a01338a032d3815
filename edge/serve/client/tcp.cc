#include "edge/serve/client/tcp.h"

#include <algorithm>
#include <utility>

#include "edge/core/message/client_hello.h"
#include "edge/core/pool/pool_budget.h"
#include "edge/core/protect/retry.h"
#include "edge/serve/client/client_header.h"
#include "edge/serve/request/session_account.h"

namespace edge {
namespace {

constexpr shared::Duration kLeastWindow = shared::seconds(1);  // shorter ones say nothing of a rate

// The process's own grace ends a little later: what ends by it is counted, and the process ends in order.
shared::Duration grace_of(const Settings& settings) { return settings.drain_grace - settings.drain_grace / 10; }

// Nobody who comes is served by a listener that the present configuration does not know.
const PoolListener kNobody;

const PoolListener& listener_of(const Snapshot& snapshot, std::size_t index) {
  if (snapshot.listeners == nullptr || index >= snapshot.listeners->size()) return kNobody;
  return (*snapshot.listeners)[index];
}

// Under TLS that is not ours the client is told in its own words.
std::string_view alert_for(ErrorKind kind) {
  if (kind == ErrorKind::no_route) return kAlertUnrecognizedName;
  return kind == ErrorKind::forbidden ? kAlertAccessDenied : kAlertInternalError;
}

}  // namespace

TcpConnection::TcpConnection(WorkerContext& context, Clients& clients, const Newcomer& newcomer,
                             std::unique_ptr<StreamLayer> layer)
    : context_(context),
      clients_(clients),
      stream_(context.loop, newcomer.fd->release(), Stream::Begin::connected, std::move(layer)),
      peer_(newcomer.peer),
      introduction_(newcomer.introduction),
      listener_(newcomer.listener->index),
      waiter_(context.loop),
      began_(context.now()) {
  stream_.bind(&waiter_);
}

TcpConnection::~TcpConnection() {
  root_.reset();
  context_.client_buffers.give_back(std::move(hello_));
}

void TcpConnection::start() {
  root_.emplace(run());
  root_->start();
}

void TcpConnection::close() {
  closed_ = true;
  stream_.break_off();
  waiter_.wake();
}

void TcpConnection::drain() {
  ends_ = context_.now() + grace_of(*context_.snapshots.current().settings);
  waiter_.wake();
}

// Who does not take what is held for him.
std::optional<double> TcpConnection::waiting_rate() {
  if (phase_ != Phase::relaying || !session_->to_client->holds() || stream_.writable()) return std::nullopt;
  const shared::Duration span = context_.now() - window_began_;
  const std::uint64_t octets = session_->to_client->moved();
  if (span < kLeastWindow) return std::nullopt;
  const double rate = static_cast<double>(octets - window_octets_) / std::chrono::duration<double>(span).count();
  window_began_ = context_.now();
  window_octets_ = octets;
  return rate;
}

Task<> TcpConnection::run() {
  bool waiting = stream_.is_open() && step(Wake::event);
  while (waiting) {
    const shared::TimePoint due = deadline();
    const Wake wake = co_await waiter_.until(due);
    waiting = step(wake);
  }
  account();
  close_both();
  clients_.remove(*this);
}

// True while there is something to wait for.
bool TcpConnection::step(Wake wake) {
  if (closed_) fail(ErrorKind::client_closed, Side::client, "closed to make room for others");
  if (phase_ == Phase::handshake) shake_hands();
  if (phase_ == Phase::hello) read_hello();
  if (phase_ == Phase::connecting) check_connect(wake);
  if (phase_ == Phase::relaying) relay();
  if (phase_ != Phase::over) expire();
  return phase_ != Phase::over;
}

shared::TimePoint TcpConnection::deadline() const {
  switch (phase_) {
    case Phase::handshake:
    case Phase::hello:
      return std::min(ends_, began_ + context_.snapshots.current().settings->timeouts.head);
    case Phase::connecting:
      return std::min(ends_, session_->connector->deadline());
    case Phase::relaying:
      return std::min(ends_, moved_ + session_->listener->idle);
    case Phase::over:
      break;
  }
  return shared::TimePoint::max();
}

void TcpConnection::expire() {
  const shared::TimePoint now = context_.now();
  if (now >= ends_) return fail(ErrorKind::drained, Side::internal, "the process ends");
  if (phase_ == Phase::connecting || deadline() > now) return;
  if (phase_ == Phase::relaying) return fail(ErrorKind::idle, Side::client, "nothing moved for the idle time");
  fail(ErrorKind::request_timeout, Side::client, "TLS handshake or ClientHello came too slowly");
}

void TcpConnection::end() { phase_ = Phase::over; }

void TcpConnection::fail(const Error& error) {
  if (!error_) error_ = error;
  end();
}

void TcpConnection::shake_hands() {
  const Progress progress = stream_.progress();
  if (progress == Progress::failed) return fail(ErrorKind::bad_request, Side::client, "TLS handshake failed");
  if (progress != Progress::ready) return;
  if (listener_of(context_.snapshots.current(), listener_).sni.empty()) return decide();
  phase_ = Phase::hello;
  hello_ = context_.client_buffers.take();
}

void TcpConnection::read_hello() {
  ReadBuffer& in = hello_->in;
  while (true) {
    const IoResult received = stream_.receive(in.space());
    if (received.status == IoStatus::again) return;
    if (received.status != IoStatus::ok) {
      return fail(ErrorKind::client_closed, Side::client, "client closed before its ClientHello");
    }
    in.commit(received.bytes);
    if (in.view().size() < hello_needed_) continue;
    ClientHello hello = read_client_hello(in.view());
    if (hello.state == ClientHello::State::bad) return fail(ErrorKind::bad_request, Side::client, hello.reason);
    hello_needed_ = hello.needed;
    if (hello.state == ClientHello::State::incomplete) continue;
    server_name_ = std::move(hello.name);
    return decide();
  }
}

void TcpConnection::decide() {
  clients_.stand(*this, ClientState::busy);
  if (clients_.out_of_memory()) return fail(ErrorKind::exhausted, Side::internal, "client.max_memory is in use");
  Session& session = session_.emplace(context_);
  begin_session(context_, Transport::tcp);
  session.listener = &listener_of(*session.snapshot, listener_);
  const AskedConnection asked{
      .listener = *session.listener, .client = peer_.address, .server_name = server_name_, .now = context_.now()};
  shared::NullTrace trace;
  session.decision = decide_connection(*session.snapshot, context_.live, asked, context_.balance, trace);
  if (session.decision.refusal) return fail(*session.decision.refusal);
  phase_ = Phase::connecting;
  session.greeting = greeting();
  next_try(session.decision.first);
}

void TcpConnection::next_try(const PickedServer& picked) {
  Session& session = *session_;
  const Pool& pool = *session.decision.at_pool.pool;
  PoolLive& pool_live = context_.live.pool(pool.slot);
  if (session.decision.at_pool.last_resort) pool_live.last_resorts.fetch_add(1, std::memory_order_relaxed);
  if (session.attempts > 0) {
    pool_live.retries.fetch_add(1, std::memory_order_relaxed);
    pool_live.again.fetch_add(1, std::memory_order_relaxed);
    context_.counters.retries.add();
  }
  ++session.attempts;
  session.server = picked.server;
  session.picked = context_.now();
  const Visit::Books books{.live = context_.live, .servers = context_.servers};
  const Visit::Destination to{.pool = pool, .server = *picked.server, .permit = picked.permit};
  session.visit.emplace(books, to, context_.now());
  session.connector.emplace(
      context_.upstreams, waiter_, context_.balance,
      way_to(pool, *picked.server, *session.snapshot->addresses, asked_name(), std::string_view()));
  session.connector->connect(session.listener->connect, session.greeting);
}

// Failures of one connection at several servers may speak against us: only the first counts.
void TcpConnection::try_failed() {
  Session& session = *session_;
  const Error why = session.connector->error();
  const bool says_nothing = session.blamed || why.side != Side::upstream || why.kind == ErrorKind::exhausted;
  const VisitEnd seen{.outcome = says_nothing ? BreakerOutcome::unknown : BreakerOutcome::failure,
                      .again = session.attempts > 1,
                      .reason = why.detail};
  session.visit->end(seen, context_.now());
  session.visit.reset();
  session.blamed = session.blamed || !says_nothing;
  if (!may_try_again()) return fail(why);
  const bool nobody_there = is_unreachable(why.kind);
  const PickMoment moment{.addresses = *session.snapshot->addresses,
                          .now = context_.now(),
                          .last_resort = nobody_there ? LastResort::allowed : LastResort::refused};
  shared::NullTrace trace;
  const PickedServer next = next_server(session.decision.at_pool, moment, context_.live, context_.balance, trace);
  if (next.server == nullptr) return fail(why);
  next_try(next);
}

// Nothing has been sent to the server, and nothing to the client.
bool TcpConnection::may_try_again() const {
  const Session& session = *session_;
  const Pool& pool = *session.decision.at_pool.pool;
  const FailedTry failed{.side = session.connector->error().side, .replayable = true};
  if (!safe_to_retry(failed) || session.attempts >= pool.retry.attempts) return false;
  return session.decision.at_pool.tried_count < pool.servers.size() && spend(pool, context_.live, context_.now());
}

void TcpConnection::check_connect(Wake wake) {
  if (stream_.broken())
    return fail(ErrorKind::client_closed, Side::client, "client closed before a server was reached");
  Connector::State state = session_->connector->state();
  if (state == Connector::State::connecting) session_->connector->step(wake);
  for (state = session_->connector->state(); state == Connector::State::failed; state = session_->connector->state()) {
    try_failed();
    if (phase_ != Phase::connecting) return;
  }
  if (state == Connector::State::connected) begin_relay();
}

// That the client asked for in TLS, ours or its own; empty: none.
std::string_view TcpConnection::asked_name() const {
  if (const shared::TlsSession* const tls = stream_.tls()) return tls->facts().server_name;
  return server_name_;
}

// The PROXY header that a server of this pool hears first; empty: none.
std::string TcpConnection::greeting() const {
  const Pool& pool = *session_->decision.at_pool.pool;
  if (!pool.proxy_protocol) return {};
  shared::ProxyHeader header = client_header(introduction_.get(), stream_, peer_);
  if (header.authority.empty()) header.authority = server_name_;
  return write_proxy_header(*pool.proxy_protocol, header);
}

void TcpConnection::begin_relay() {
  Session& session = *session_;
  const shared::TimePoint now = context_.now();
  session.upstream = session.connector->take();
  session.connected = moved_ = window_began_ = now;
  session.visit->hear(FirstWord::good, now, now);
  Stream& server = session.upstream->stream();
  session.to_server.emplace(Flow::Ends{stream_, server, context_.scratch, context_.pipes});
  session.to_client.emplace(Flow::Ends{server, stream_, context_.scratch, context_.pipes});
  std::string first;
  if (!session.connector->over_tls()) first = std::move(session.greeting);
  session.greeted = first.size();
  if (hello_ != nullptr) {
    first += hello_->in.view();
    context_.client_buffers.give_back(std::move(hello_));
  }
  if (!first.empty()) session.to_server->begin_with(first);
  phase_ = Phase::relaying;
}

void TcpConnection::relay() {
  Session& session = *session_;
  const std::uint64_t before = session.to_server->moved() + session.to_client->moved();
  Flow::Step up = session.to_server->advance();
  const Flow::Step down = session.to_client->advance();
  // What the client said before it broke the connection is still the server's.
  if (down == Flow::Step::sink_failed && up != Flow::Step::sink_failed) up = session.to_server->advance();
  if (session.to_server->moved() + session.to_client->moved() != before) moved_ = context_.now();
  if (session.first_byte == shared::TimePoint{} && session.to_client->moved() > 0) session.first_byte = context_.now();
  if (up == Flow::Step::turn_over || down == Flow::Step::turn_over) waiter_.wake_soon();
  look_at_ends(up, down);
}

void TcpConnection::look_at_ends(Flow::Step up, Flow::Step down) {
  using Step = Flow::Step;
  if (up == Step::done && down == Step::done) return end();
  if (up == Step::source_failed) return fail(ErrorKind::client_closed, Side::client, "client reset the connection");
  if (down == Step::source_failed)
    return fail(ErrorKind::upstream_reset, Side::upstream, "server reset the connection");
  // Who takes nothing more may have said something before: that is passed on first.
  const auto goes_on = [](Step step) { return step == Step::blocked || step == Step::turn_over; };
  if (up == Step::sink_failed && !goes_on(down)) {
    return fail(ErrorKind::upstream_reset, Side::upstream, "server reset the connection");
  }
  if (down == Step::sink_failed && !goes_on(up)) {
    return fail(ErrorKind::client_closed, Side::client, "client reset the connection");
  }
}

// Nothing was decided. Who comes and goes without a word is no session.
void TcpConnection::account_early() {
  if (!error_ || error_->kind == ErrorKind::client_closed) return;
  begin_session(context_, Transport::tcp);
  account_session(context_, {.transport = Transport::tcp,
                             .client = peer_.address,
                             .listener = listener_of(context_.snapshots.current(), listener_).name,
                             .began = began_,
                             .error = error_});
}

void TcpConnection::account() {
  if (!session_) return account_early();
  Session& session = *session_;
  if (session.visit) {
    const bool reached = session.connected != shared::TimePoint{};
    const VisitEnd seen{.outcome = reached ? BreakerOutcome::success : BreakerOutcome::unknown,
                        .status = reached ? std::uint16_t{200} : std::uint16_t{0},
                        .again = session.attempts > 1,
                        .first_byte = session.connected};
    session.visit->end(seen, context_.now());
    session.visit.reset();
  }
  const Pool* pool = session.decision.at_pool.pool;
  account_session(context_, {.transport = Transport::tcp,
                             .client = peer_.address,
                             .listener = session.listener->name,
                             .server_name = server_name_,
                             .pool = pool != nullptr ? std::string_view(pool->name) : std::string_view(),
                             .server = session.server != nullptr ? std::string_view(session.server->name) : "",
                             .octets_in = session.to_server
                                              ? session.to_server->moved() -
                                                    std::min<std::uint64_t>(session.greeted, session.to_server->moved())
                                              : 0,
                             .octets_out = session.to_client ? session.to_client->moved() : 0,
                             .began = began_,
                             .picked = session.picked,
                             .connected = session.connected,
                             .first_byte = session.first_byte,
                             .attempts = session.attempts,
                             .error = error_,
                             .tls = stream_.tls() != nullptr ? &stream_.tls()->facts() : nullptr});
}

// A connection that was cut looks cut; one that was idle has nothing to lose.
void TcpConnection::close_both() {
  const bool relayed = session_ && session_->to_client;
  const bool holds = relayed && (session_->to_client->holds() || session_->to_server->holds());
  const bool quiet = !error_ || ((error_->kind == ErrorKind::idle || error_->kind == ErrorKind::drained) && !holds);
  if (hello_ != nullptr && error_ && session_) {
    const std::string_view alert = alert_for(error_->kind);
    const iovec part{.iov_base = const_cast<char*>(alert.data()), .iov_len = alert.size()};
    static_cast<void>(stream_.send(std::span(&part, 1)));
    stream_.close();
  } else if (quiet) {
    stream_.close();
  } else {
    stream_.abort();
  }
  if (!relayed) return;
  session_->to_server.reset();
  session_->to_client.reset();
  if (!quiet) session_->upstream->stream().abort();
  session_->upstream.reset();
}

}  // namespace edge
