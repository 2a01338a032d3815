#include "edge/serve/request/attempt.h"

#include <algorithm>
#include <utility>

#include "edge/core/message/rewrite.h"

namespace edge {

Attempt::Attempt(Request& request, const Target& target, UpstreamWork& work)
    : request_(request),
      visit_({.live = request.context.live, .servers = request.context.servers},
             {.pool = request.pool(), .server = *target.server, .permit = target.permit}, request.now()),
      connector_(request.context.upstreams, request.exchange.waiter, request.context.balance,
                 way_to(request.pool(), *target.server, *request.snapshot->addresses, request.found().target.host,
                        shared::kAlpnHttp1)),
      work_(work),
      connection_(target.connection) {
  work_.set_cookie = {};
  work_.rate_limit = request.rate_limit;
  if (!request.rate_limit.empty()) work_.rate_policy = request.decision.limit.by->policy();
  if (!target.races_session) remember_session();
}

// The cookie of a session that begins, or goes on at another server.
void Attempt::remember_session() {
  const Sticky& sticky = request_.pool().sticky;
  if (!sticky.enabled()) return;
  const auto index = static_cast<std::size_t>(&server() - request_.pool().servers.data());
  if (request_.decision.at_pool.session != index) work_.set_cookie = sticky.set_cookies[index];
}

void Attempt::fail(const Error& error) {
  error_ = error;
  phase_ = Phase::failed;
}

void Attempt::begin() {
  if (request_.pool().proxy_protocol) {
    greeting_ =
        greeting_for(request_.pool(), request_.exchange.source, request_.found().client.address, request_.request_id);
  }
  if (connection_ == Connection::any) upstream_ = connector_.take_idle(greeting_.about);
  if (upstream_ != nullptr) {
    reused_ = true;
    return forward();
  }
  connector_.connect(request_.found().route->timeouts.connect, greeting_.octets);
  if (connector_.state() == Connector::State::failed) fail(connector_.error());
}

// The request's head for the upstream, and whatever of the body is at hand, in one send.
void Attempt::forward() {
  const Snapshot& snapshot = *request_.snapshot;
  const UpstreamRequest head{
      .head = *request_.asked.head,
      .target = request_.found().target,
      .framing = request_.asked.framing,
      .client = request_.found().client,
      .tiers = *snapshot.tiers,
      .tier = request_.found().tier,
      .rules = request_.found().route->request_rules,
      .scheme = request_.asked.scheme,
      .request_id = request_.request_id,
      .via = snapshot.settings->via_requests ? kViaName : std::string_view(),
      .version = request_.asked.protocol.substr(request_.asked.protocol.find('/') + 1),
      .client_subject =
          request_.asked.tls != nullptr ? std::string_view(request_.asked.tls->peer_subject) : std::string_view(),
      .client_subject_field = snapshot.settings->client_subject_field,
  };
  work_.out.clear();
  if (!reused_ && !greeting_.about.empty()) {
    upstream_->told(greeting_.about);
    if (!connector_.over_tls()) work_.out.append(greeting_.octets);  // else it went before the handshake
  }
  const auto size = write_upstream_request(work_.out.room(upstream_request_bound(head)), head);
  if (!size) return fail({.kind = ErrorKind::internal, .detail = "request head does not fit"});
  work_.out.commit(*size);
  connected_at_ = request_.now();
  request_.exchange.source.invite();
  const Relay::Sides sides{request_.exchange, *request_.body, *upstream_, work_, request_.context.counters};
  relay_.emplace(sides, *request_.found().route, *snapshot.settings, request_.context.pipes);
  phase_ = Phase::relaying;
  relay(Wake::event);
}

void Attempt::check_connect(Wake wake) {
  if (request_.exchange.source.abandoned()) {
    return fail({.kind = ErrorKind::client_closed, .side = Side::client, .detail = "client closed"});
  }
  connector_.step(wake);
  if (connector_.state() == Connector::State::failed) return fail(connector_.error());
  if (connector_.state() == Connector::State::connecting) return;
  upstream_ = connector_.take();
  forward();
}

void Attempt::relay(Wake wake) {
  const shared::TimePoint now = request_.now();
  const Relay::Step step = wake == Wake::deadline ? relay_->expire(now) : relay_->advance(now);
  if (!judged_ && responding()) judge_head();
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
  const Timeouts& timeouts = request_.found().route->timeouts;
  auto due = shared::TimePoint::max();
  const shared::TimePoint from = relay_ ? relay_->sent() : visit_.began();
  if (timeouts.try_time.count() > 0 && from != shared::TimePoint::max()) due = from + timeouts.try_time;
  if (timeouts.total.count() > 0) due = std::min(due, request_.asked.head_read + timeouts.total);
  return due;
}

void Attempt::expire_try() {
  if (try_deadline() > request_.now()) return;
  fail({.kind = ErrorKind::upstream_timeout, .side = Side::upstream, .detail = "no answer within the time of a try"});
}

shared::TimePoint Attempt::deadline() const {
  const shared::TimePoint due = relay_ ? relay_->deadline() : connector_.deadline();
  return std::min(due, try_deadline());
}

bool Attempt::bad_head() const { return contains(request_.pool().bad_statuses, status()); }

// Failures of one request on several servers speak against the request: only the first counts.
BreakerOutcome Attempt::outcome() const {
  const BreakerOutcome failure = request_.blamed ? BreakerOutcome::unknown : BreakerOutcome::failure;
  if (responding() && bad_head()) return failure;
  if (phase_ == Phase::done) return BreakerOutcome::success;
  const bool says_nothing = stale() || error_.kind == ErrorKind::exhausted;
  if (error_.side == Side::upstream) return says_nothing ? BreakerOutcome::unknown : failure;
  return responding() ? BreakerOutcome::success : BreakerOutcome::unknown;
}

void Attempt::judge_head() {
  judged_ = true;
  const std::uint16_t seen = status();
  const bool poor = seen == 500 || (seen >= 502 && seen <= 504);
  const FirstWord word = bad_head() ? FirstWord::bad : poor ? FirstWord::poor : FirstWord::good;
  const std::uint64_t micros = visit_.hear(word, relay_->first_byte(), request_.now());
  if (request_.pool().retry.hedge.mode != shared::Mode::disabled) {
    request_.context.latency_window(request_.pool().slot).record(micros);
  }
}

void Attempt::settle() {
  const BreakerOutcome seen = outcome();
  if (seen == BreakerOutcome::failure) request_.blamed = true;
  const VisitEnd end{.outcome = seen,
                     .status = responding() ? status() : std::uint16_t{0},
                     .again = request_.attempts > 1,
                     .first_byte = heard() ? relay_->first_byte() : shared::TimePoint{},
                     .reason = error_.detail};
  visit_.end(end, request_.now());
  if (phase_ == Phase::done && relay_->reusable()) {
    request_.context.upstreams.give_back(std::move(upstream_), request_.pool().idle);
  }
  upstream_.reset();
}

void Attempt::write_times(Request& request) const {
  request.server = &server();
  request.picked = visit_.began();
  request.connected = connected_at_;
  if (heard()) request.first_byte = relay_->first_byte();
  if (relay_ && relay_->tunnel() != nullptr) request.tunnel_end = relay_->tunnel()->end_name();
  request.permit = visit_.entered_as();
}

}  // namespace edge
