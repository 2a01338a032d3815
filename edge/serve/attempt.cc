#include "edge/serve/attempt.h"

#include <algorithm>
#include <utility>

#include "edge/core/rewrite.h"
#include "shared/core/hash.h"
#include "shared/serve/log.h"

namespace edge {

Attempt::Attempt(Request& request, const Target& target, UpstreamWork& work)
    : request_(request),
      server_(*target.server),
      live_(request.worker.live().server(target.server->id)),
      pool_live_(request.pool->counts_in_flight() ? &request.pool_live() : nullptr),
      permit_(target.permit),
      work_(work),
      connection_(target.connection),
      began_(request.now()) {
  live_.in_flight.fetch_add(1, std::memory_order_relaxed);
  live_.requests.fetch_add(1, std::memory_order_relaxed);
  if (pool_live_ != nullptr) pool_live_->in_flight.fetch_add(1, std::memory_order_relaxed);
  work_.set_cookie = {};
  if (!target.visiting) remember_session();
}

Attempt::~Attempt() {
  if (!released_) release(BreakerOutcome::unknown);
}

// The cookie of a session that begins, or goes on at another server.
void Attempt::remember_session() {
  const Sticky& sticky = request_.pool->sticky;
  if (!sticky.enabled()) return;
  const auto index = static_cast<std::size_t>(&server_ - request_.pool->servers.data());
  if (request_.session != index) work_.set_cookie = sticky.set_cookies[index];
}

void Attempt::fail(const Error& error) {
  error_ = error;
  phase_ = Phase::failed;
}

void Attempt::begin() {
  Worker& worker = request_.worker;
  const auto endpoints = request_.snapshot->addresses->of(server_.id);
  const shared::Endpoint& endpoint = endpoints[worker.own_counters().requests.read() % endpoints.size()];
  if (connection_ == Connection::any) upstream_ = worker.upstreams().take_idle(server_.id, endpoint);
  if (upstream_ != nullptr) {
    reused_ = true;
    upstream_->socket().bind(&request_.exchange.waiter());
    return forward();
  }
  upstream_ = worker.upstreams().connect(server_.id, endpoint);
  if (upstream_ == nullptr) {
    return fail({.kind = ErrorKind::connect_refused, .side = Side::upstream, .detail = "connect failed at once"});
  }
  connect_deadline_ = began_ + request_.found.route->timeouts.connect;
  upstream_->socket().bind(&request_.exchange.waiter());
}

// The request's head for the upstream, and whatever of the body is at hand, in one send.
void Attempt::forward() {
  const Snapshot& snapshot = *request_.snapshot;
  const UpstreamRequest head{
      .head = request_.exchange.head(),
      .target = request_.found.target,
      .framing = request_.exchange.framing(),
      .client = request_.found.client,
      .tiers = *snapshot.tiers,
      .tier = request_.found.tier,
      .rules = request_.found.route->request_rules,
      .scheme = request_.exchange.scheme(),
      .request_id = request_.request_id,
      .via = snapshot.settings->via_requests ? kViaName : std::string_view(),
  };
  work_.out.clear();
  const auto size = write_upstream_request(work_.out.room(upstream_request_bound(head)), head);
  if (!size) return fail({.kind = ErrorKind::internal, .detail = "request head does not fit"});
  work_.out.commit(*size);
  connected_at_ = request_.now();
  request_.exchange.invite_body();
  const Relay::Sides sides{request_.exchange, *request_.body, *upstream_, work_};
  relay_.emplace(sides, *request_.found.route, *snapshot.settings, request_.worker.pipes());
  phase_ = Phase::relaying;
  relay(Wake::event);
}

void Attempt::check_connect(Wake wake) {
  Socket& socket = upstream_->socket();
  if (request_.exchange.abandoned()) {
    fail({.kind = ErrorKind::client_closed, .side = Side::client, .detail = "client closed"});
  } else if (socket.writable() || socket.broken()) {
    if (socket.connect_error() == 0) return forward();
    fail({.kind = ErrorKind::connect_refused, .side = Side::upstream, .detail = "connect refused or unreachable"});
  } else if (wake == Wake::deadline && connect_deadline_ <= request_.now()) {
    fail({.kind = ErrorKind::connect_timeout, .side = Side::upstream, .detail = "connect took too long"});
  }
}

void Attempt::relay(Wake wake) {
  const shared::TimePoint now = request_.now();
  const Relay::Step step = wake == Wake::deadline ? relay_->expire(now) : relay_->advance(now);
  if (step == Relay::Step::done) phase_ = Phase::done;
  if (step == Relay::Step::failed) fail(relay_->error());
}

void Attempt::step(Wake wake) {
  if (phase_ == Phase::connecting) {
    check_connect(wake);
  } else if (phase_ == Phase::relaying) {
    relay(wake);
  }
  if (wake == Wake::deadline && waiting()) expire_try();
}

// Until the head of the answer: for one try, from when it has the whole request; and for all together.
shared::TimePoint Attempt::try_deadline() const {
  if (responding()) return shared::TimePoint::max();
  const Timeouts& timeouts = request_.found.route->timeouts;
  auto due = shared::TimePoint::max();
  const shared::TimePoint from = relay_ ? relay_->sent() : began_;
  if (timeouts.per_try.count() > 0 && from != shared::TimePoint::max()) due = from + timeouts.per_try;
  if (timeouts.total.count() > 0) due = std::min(due, request_.exchange.head_read() + timeouts.total);
  return due;
}

void Attempt::expire_try() {
  if (try_deadline() > request_.now()) return;
  fail({.kind = ErrorKind::upstream_timeout, .side = Side::upstream, .detail = "no answer within the time of a try"});
}

shared::TimePoint Attempt::deadline() const {
  const shared::TimePoint due = relay_ ? relay_->deadline() : connect_deadline_;
  return std::min(due, try_deadline());
}

BreakerOutcome Attempt::outcome() const {
  const bool bad = responding() && contains(request_.pool->bad_statuses, status());
  if (bad) return BreakerOutcome::failure;
  if (phase_ == Phase::done) return BreakerOutcome::success;
  if (error_.side == Side::upstream) return stale() ? BreakerOutcome::unknown : BreakerOutcome::failure;
  return responding() ? BreakerOutcome::success : BreakerOutcome::unknown;
}

void Attempt::count(BreakerOutcome outcome) {
  Worker& worker = request_.worker;
  ServerCounters& counters = worker.server_counters().of(server_.id, live_.tenant.load(std::memory_order_relaxed));
  const std::uint16_t seen = responding() ? status() : 0;
  counters.responses[seen < 600 ? seen / 100 : 0].add();
  if (request_.attempts > 1) counters.retries.add();
  if (outcome == BreakerOutcome::failure) {
    live_.failures.fetch_add(1, std::memory_order_relaxed);
    live_.failures_in_a_row.fetch_add(1, std::memory_order_relaxed);
  } else if (outcome == BreakerOutcome::success && live_.failures_in_a_row.load(std::memory_order_relaxed) != 0) {
    live_.failures_in_a_row.store(0, std::memory_order_relaxed);
  }
  remember_time(outcome);
  if (!responding()) return;
  const auto span = std::chrono::duration_cast<std::chrono::microseconds>(relay_->first_byte() - began_);
  const auto micros = static_cast<std::uint64_t>(std::max<std::int64_t>(0, span.count()));
  counters.latency.record(micros);
  if (request_.pool->retry.hedge.mode != shared::Mode::disabled) {
    worker.latency_window(request_.pool->slot).record(micros);
  }
}

// For least_time: until the first byte of the answer; what failed counts as slow, however soon it did.
void Attempt::remember_time(BreakerOutcome outcome) {
  if (!request_.pool->measures_time() || (outcome == BreakerOutcome::unknown && !heard())) return;
  const ResponseTimeRules& rules = request_.pool->response_time;
  shared::Duration took = (heard() ? relay_->first_byte() : request_.now()) - began_;
  const std::uint16_t seen = responding() ? status() : 0;
  const bool bad = seen == 500 || (seen >= 502 && seen <= 504) || outcome == BreakerOutcome::failure;
  if (bad) took = std::max<shared::Duration>(took, rules.error);
  live_.response_time.observe(took, request_.now(), rules.half_life);
}

void Attempt::release(BreakerOutcome outcome) {
  released_ = true;
  live_.in_flight.fetch_sub(1, std::memory_order_relaxed);
  if (pool_live_ != nullptr) pool_live_->in_flight.fetch_sub(1, std::memory_order_relaxed);
  const shared::TimePoint now = request_.now();
  const auto seed =
      static_cast<std::uint64_t>(now.time_since_epoch().count()) ^ request_.worker.own_counters().requests.read();
  const BreakerChange change = live_.breaker.leave(permit_, outcome, request_.pool->breaker, now, seed, live_.state);
  if (change == BreakerChange::none) return;
  if (change == BreakerChange::opened) live_.breaker_opened.fetch_add(1, std::memory_order_relaxed);
  shared::log_event(change == BreakerChange::opened ? shared::Level::warn : shared::Level::info,
                    change == BreakerChange::opened ? "breaker_opened" : "breaker_closed",
                    {{"pool", request_.pool->name},
                     {"server", server_.name},
                     {"shadow", request_.pool->breaker.mode == shared::Mode::shadow},
                     {"reason", error_.detail}});
}

void Attempt::settle() {
  const BreakerOutcome seen = outcome();
  count(seen);
  release(seen);
  if (phase_ == Phase::done && relay_->reusable()) {
    request_.worker.upstreams().give_back(std::move(upstream_), request_.pool->keep_alive);
  }
  upstream_.reset();
}

void Attempt::write_times(Request& request) const {
  request.server = &server_;
  request.picked = began_;
  request.connected = connected_at_;
  if (heard()) request.first_byte = relay_->first_byte();
  request.permit = permit_.kind;
}

}  // namespace edge
