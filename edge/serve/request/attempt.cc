#include "edge/serve/request/attempt.h"

#include <algorithm>
#include <utility>

#include "edge/core/message/grpc.h"
#include "edge/core/message/rewrite.h"
#include "edge/serve/request/websocket_key.h"

namespace edge {
namespace {

std::span<const HeaderRules::Appended> identity_of(const Request& request) {
  const auto& identity = request.found().identity;
  if (identity == nullptr) return {};
  return identity->fields;
}

bool asks_for_websocket(const RequestFacts& asked) {
  if (!asked.framing.upgrade || asked.head->method != http::Method::get) return false;
  bool asks = false;
  for (const http::Field& field : asked.head->fields) {
    if (field.id != http::FieldId::upgrade) continue;
    http::for_each_element(field.value, [&](std::string_view protocol) {
      asks = asks || http::equals_ignoring_case(protocol, "websocket");
    });
  }
  return asks;
}

}  // namespace

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
  work_.cache_status = request.cache_status;
  work_.watcher = request.cached.get();
  if (request.learner) work_.watcher = &*request.learner;
  work_.rate_policy = request.rate_policy;
  if (!target.races_session && request.asked.has_client()) remember_session();
  work_.session = nullptr;
  if (request.pool().sticky.learned != nullptr && request.asked.mirrored == nullptr) {
    work_.session = &session_.emplace(request, *target.server, target.races_session || !request.asked.has_client());
  }
  if (request.recorded) [[unlikely]] {
    using Why = AttemptSpan::Why;
    span_ = std::make_unique<AttemptSpan>(request, target.hedges          ? Why::hedge
                                                   : request.attempts > 1 ? Why::retry
                                                                          : Why::first);
  }
}

Attempt::~Attempt() {
  if (span_ != nullptr) [[unlikely]]
    tell_span(Ended::cancelled);
}

void Attempt::tell_span(Ended how) {
  const bool failed = how == Ended::by_itself && phase_ == Phase::failed;
  span_->tell({.server = server(),
               .began = visit_.began(),
               .where = upstream_ != nullptr ? &upstream_->endpoint() : nullptr,
               .reused = reused_,
               .status = responding() ? status() : std::uint16_t{0},
               .grpc_status = relay_ ? relay_->grpc_status() : std::nullopt,
               .error = failed ? &error_ : nullptr,
               .cancelled = how == Ended::cancelled});
  span_.reset();
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

// One that finds its connection crowded, since the server takes fewer streams than have waited, asks for another.
void Attempt::open_stream(Connection connection) {
  const H2Upstreams::Wish wish{.pool = request_.pool(),
                               .way = way_to(request_.pool(), visit_.server(), *request_.snapshot->addresses,
                                             request_.found().target.host, shared::kAlpnHttp2),
                               .limits = request_.snapshot->settings->answer_limits,
                               .patience = request_.found().route->timeouts.connect,
                               .fresh = connection == Connection::fresh};
  h2_ = request_.context.h2_upstreams.open(wish, request_.exchange.waiter);
  reused_ = h2_->reused();
  if (h2_->state() != H2UpstreamStream::State::waiting) check_stream();
}

void Attempt::begin() {
  if (request_.pool().protocol == ServerProtocol::h2) {
    stream_by_ = request_.now() + request_.found().route->timeouts.connect;
    return open_stream(connection_);
  }
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
      .identity = identity_of(request_),
      .traceparent = span_ != nullptr ? std::string_view(span_->traceparent()) : request_.traceparent.view(),
  };
  work_.out.clear();
  if (!reused_ && !greeting_.about.empty()) {
    upstream_->told(greeting_.about);
    if (!connector_.over_tls()) work_.out.append(greeting_.octets);  // else it went before the handshake
  }
  const auto size = write_upstream_request(work_.out.room(upstream_request_bound(head)), head);
  if (!size) return fail({.kind = ErrorKind::internal, .detail = "request head does not fit"});
  connected_at_ = request_.now();
  if (h2_ != nullptr) {
    if (!begin_stream(work_.out.room(*size).first(*size))) return;
  } else {
    work_.out.commit(*size);
  }
  request_.exchange.source.invite();
  const Relay::Sides sides{.exchange = request_.exchange,
                           .body = *request_.body,
                           .upstream = upstream_.get(),
                           .h2 = h2_.get(),
                           .work = work_,
                           .counters = request_.context.counters,
                           .scratch = request_.context.scratch,
                           .rules = *request_.found().response_rules};
  relay_.emplace(sides, *request_.found().route, *snapshot.settings, request_.context.pipes,
                 request_.grpc ? Relay::Kind::grpc : Relay::Kind::plain);
  phase_ = Phase::relaying;
  relay(Wake::event);
}

// A WebSocket goes on as RFC 8441 has it; another upgrade is left out, as it may be (RFC 9110 7.8). False: it failed.
bool Attempt::begin_stream(std::span<char> head) {
  if (!asks_for_websocket(request_.asked)) {
    const bool bare = request_.asked.framing.body.kind == http::BodyKind::none;
    const auto trailers = request_.grpc ? H2UpstreamStream::Trailers::of_a_call : H2UpstreamStream::Trailers::plain;
    h2_->begin(head, bare, trailers);
    return true;
  }
  const std::string_view key = websocket_key_of(request_.asked.head->fields);
  if (key.empty()) {
    fail({.kind = ErrorKind::bad_request, .side = Side::client, .detail = "no good Sec-WebSocket-Key"});
  } else if (!h2_->may_tunnel()) {
    fail({.kind = ErrorKind::no_websocket, .side = Side::upstream, .detail = "upstream takes no WebSocket in HTTP/2"});
  } else {
    h2_->begin_tunnel(head, websocket_accept(key).data());
  }
  return waiting();
}

void Attempt::check_connect(Wake wake) {
  if (request_.exchange.source.abandoned()) {
    return fail({.kind = ErrorKind::client_closed, .side = Side::client, .detail = "client closed"});
  }
  if (h2_ != nullptr) return check_stream();
  connector_.step(wake);
  if (connector_.state() == Connector::State::failed) return fail(connector_.error());
  if (connector_.state() == Connector::State::connecting) return;
  upstream_ = connector_.take();
  forward();
}

void Attempt::check_stream() {
  switch (h2_->state()) {
    case H2UpstreamStream::State::ready:
      return forward();
    case H2UpstreamStream::State::crowded:
      if (++crowded_ > kMostCrowded) {
        return fail(
            {.kind = ErrorKind::connect_refused, .side = Side::upstream, .detail = "upstream takes no streams"});
      }
      return open_stream(Connection::any);
    case H2UpstreamStream::State::failed:
      return fail(h2_->error());
    case H2UpstreamStream::State::waiting:
      break;
  }
  if (stream_by_ > request_.now()) return;
  fail({.kind = ErrorKind::connect_timeout, .side = Side::upstream, .detail = "connect took too long"});
}

void Attempt::relay(Wake wake) {
  const shared::TimePoint now = request_.now();
  const Relay::Step step = wake == Wake::deadline ? relay_->expire(now) : relay_->advance(now);
  if (!judged_ && responding()) judge_head();
  if (step == Relay::Step::done) phase_ = Phase::done;
  if (step != Relay::Step::failed) return;
  fail(relay_->error());
  if (h2_ != nullptr && error_.kind == ErrorKind::upstream_timeout) h2_->doubt();
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
  if (timeouts.total.count() > 0) due = std::min(due, request_.turn() + timeouts.total);
  return due;
}

void Attempt::expire_try() {
  if (request_.deadline <= request_.now()) {
    return fail({.kind = ErrorKind::deadline, .side = Side::client, .detail = "deadline exceeded"});
  }
  if (try_deadline() > request_.now()) return;
  fail({.kind = ErrorKind::upstream_timeout, .side = Side::upstream, .detail = "no answer within the time of a try"});
  if (h2_ != nullptr) h2_->doubt();
}

shared::TimePoint Attempt::deadline() const {
  const shared::TimePoint due = relay_ ? relay_->deadline() : h2_ != nullptr ? stream_by_ : connector_.deadline();
  return std::min({due, try_deadline(), request_.deadline});
}

// That of a call says more than the 200 that it comes with.
std::uint16_t Attempt::judged_status() const {
  if (!request_.grpc) return status();
  const auto end = relay_->grpc_status();
  return end ? http_status_for(*end) : status();
}

bool Attempt::bad_answer() const { return contains(request_.pool().bad_statuses, judged_status()); }

// Failures of one request on several servers speak against the request: only the first counts.
BreakerOutcome Attempt::outcome() const {
  const BreakerOutcome failure = request_.blamed ? BreakerOutcome::unknown : BreakerOutcome::failure;
  if (responding() && bad_answer()) return failure;
  if (phase_ == Phase::done) return BreakerOutcome::success;
  const bool says_nothing = stale() || error_.kind == ErrorKind::exhausted || error_.kind == ErrorKind::no_websocket;
  if (error_.side == Side::upstream) return says_nothing ? BreakerOutcome::unknown : failure;
  return responding() ? BreakerOutcome::success : BreakerOutcome::unknown;
}

void Attempt::judge_head() {
  judged_ = true;
  const std::uint16_t seen = judged_status();
  const bool poor = seen == 500 || (seen >= 502 && seen <= 504);
  const FirstWord word = bad_answer() ? FirstWord::bad : poor ? FirstWord::poor : FirstWord::good;
  const std::uint64_t micros = visit_.hear(word, relay_->first_byte(), request_.now());
  if (request_.pool().retry.hedge.mode != shared::Mode::disabled) {
    request_.context.latency_window(request_.pool().slot).record(micros);
  }
}

void Attempt::settle() {
  if (span_ != nullptr) [[unlikely]]
    tell_span(Ended::by_itself);
  const BreakerOutcome seen = outcome();
  if (seen == BreakerOutcome::failure) request_.blamed = true;
  const VisitEnd end{.outcome = seen,
                     .status = responding() ? judged_status() : std::uint16_t{0},
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
  if (relay_) {
    request.grpc_status = relay_->grpc_status();
    request.open_ended = relay_->open_ended();
  }
  request.permit = visit_.entered_as();
}

}  // namespace edge
