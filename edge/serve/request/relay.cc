#include "edge/serve/request/relay.h"

#include <algorithm>

#include "edge/core/message/grpc.h"
#include "edge/serve/io/pump.h"

namespace edge {

Relay::Relay(const Sides& sides, const Route& route, const Settings& settings, PipePool& pipes, Kind kind)
    : exchange_(sides.exchange),
      body_(sides.body),
      upstream_(sides.upstream),
      h2_(sides.h2),
      work_(sides.work),
      counters_(sides.counters),
      rules_(sides.rules),
      route_(route),
      settings_(settings),
      pipes_(pipes),
      scratch_(sides.scratch),
      kind_(kind) {
  if (h2_ == nullptr) {
    work_.in.clear();
    to_upstream_.begin(upstream_->stream(), work_.out);
    to_upstream_.begin_body(exchange_.source.facts().framing.body);
  }
  now_ = request_progress_ = response_progress_ = exchange_.waiter.loop().now();
}

bool Relay::fail(ErrorKind kind, Side side, std::string_view detail) {
  error_ = {.kind = kind, .side = side, .detail = detail};
  return false;
}

bool Relay::request_body_failed() {
  switch (body_.failure()) {
    case BodyFailure::malformed:
      return fail(ErrorKind::bad_request, Side::client, "malformed chunked body");
    case BodyFailure::too_large:
      return fail(ErrorKind::body_too_large, Side::client, "body over the limit");
    case BodyFailure::truncated:
    case BodyFailure::none:
      break;
  }
  return fail(ErrorKind::client_closed, Side::client, "client closed inside the body");
}

Pumped Relay::move_request(std::uint64_t& moved) {
  return h2_ != nullptr ? move_to_server(*h2_, moved) : move_to_server(to_upstream_, moved);
}

template <class Sink>
Pumped Relay::move_to_server(Sink& sink, std::uint64_t& moved) {
  if (tunnel_ == nullptr) return pump(body_, sink, moved);
  auto passage = tunnel_->to_server(sink);
  passage.speak();
  if (!passage.clear()) return sink.failed() ? Pumped::sink_failed : Pumped::sink_blocked;
  const Pumped pumped = pump(body_, passage, moved);
  if (pumped == Pumped::done) tunnel_->ended_by(TunnelEnd::client);
  return pumped;
}

bool Relay::pump_request() {
  if (request_ended_) {
    if (closing_request_) close_request();
    if (!request_done_ && responding_ && !framing_.switched) discard_request();
    return true;
  }
  std::uint64_t moved = 0;
  const std::uint64_t before = sent_upstream();
  const Pumped pumped = move_request(moved);
  if (moved > 0 || sent_upstream() != before) request_progress_ = now_;
  linger_.read(moved, now_);
  request_blocked_ = pumped == Pumped::sink_blocked ? Blocked::sink : Blocked::source;
  switch (pumped) {
    case Pumped::source_waits:
    case Pumped::sink_blocked:
      return true;
    case Pumped::turn_over:
      exchange_.waiter.wake_soon();
      return true;
    case Pumped::done:
      request_ended_ = request_done_ = true;
      response_progress_ = sent_ = now_;
      if (framing_.switched) close_request();
      return true;
    case Pumped::source_failed:
      return request_body_failed();
    case Pumped::sink_failed:
      // The server may have answered before it closed: what it said is read first.
      request_ended_ = true;
      sent_ = now_;
      return true;
  }
  return true;
}

// Behind a tunnel's last octet the server hears that nothing more comes; under TLS that is an octet that may wait. A
// stream of HTTP/2 has said it.
void Relay::close_request() { closing_request_ = h2_ == nullptr && upstream_->stream().shutdown() == IoStatus::again; }

// The server takes no more of a request that it has begun to answer. A client that writes everything first would never
// read the answer if it could not go on writing.
void Relay::discard_request() {
  std::uint64_t moved = 0;
  while (moved < kPumpShare) {
    const BodyPiece piece = body_.peek();
    if (piece.state != BodyState::data) break;
    body_.consume(piece.data.size());
    moved += piece.data.size();
  }
  if (moved > 0) request_progress_ = now_;
  if (moved >= kPumpShare) exchange_.waiter.wake_soon();
}

Relay::Step Relay::advance(shared::TimePoint now) {
  now_ = now;
  if (tunnel_ == nullptr) [[likely]]
    return go_on();
  dismount();
  const Step step = go_on();
  if (step == Step::waiting) mount();
  return step;
}

// Nothing waits and nobody leaves: the tunnel goes on without us.
void Relay::mount() {
  const bool quiet = request_blocked_ == Blocked::source && response_blocked_ == Blocked::source && !request_ended_;
  if (!quiet || h2_ != nullptr || !tunnel_->can_ride() || !work_.in.empty() || to_upstream_.pending()) return;
  Socket* const client = exchange_.sink.direct();
  Socket* const server = upstream_->stream().raw();
  if (client == nullptr || server == nullptr || client->readable() || server->readable()) return;
  tunnel_->ride({.client = client, .server = server, .scratch = &scratch_, .waiter = &exchange_.waiter});
}

void Relay::dismount() {
  if (tunnel_ == nullptr || !tunnel_->riding()) return;
  const Tunnel::Passed passed = tunnel_->dismount();
  body_.bypassed(passed.in);
  exchange_.sink.bypassed(passed.out);
  request_progress_ = std::max(request_progress_, passed.at);
}

Relay::Step Relay::go_on() {
  if (response_done_) return !exchange_.source.abandoned() && pump_request() && lingers() ? Step::waiting : Step::done;
  if (exchange_.source.abandoned()) {
    fail(ErrorKind::client_closed, Side::client, "client closed");
    return Step::failed;
  }
  if (tunnel_ != nullptr && exchange_.source.leaving()) static_cast<void>(tunnel_->leave(TunnelEnd::drain, now_));
  if (!pump_request()) return Step::failed;
  if (!responding_ && !read_response_head()) return Step::failed;
  if (!responding_) return Step::waiting;
  if (!pump_response()) return Step::failed;
  if (!response_done_) return Step::waiting;
  linger_.begin(now_, settings_.timeouts.linger);
  return lingers() ? Step::waiting : Step::done;
}

// The answer is out, the request still comes and the server still takes it. What it does not take is read by the
// client's connection, see H1Connection::close_gently().
bool Relay::lingers() const {
  return !request_ended_ && !framing_.switched && !upstream_closed() && linger_.deadline() > now_;
}

// A client that writes everything first takes the answer later.
shared::TimePoint Relay::client_seen() const {
  return request_done_ ? response_progress_ : std::max(response_progress_, request_progress_);
}

shared::TimePoint Relay::deadline() const {
  if (tunnel_ != nullptr) {
    if (tunnel_->leaving()) return tunnel_->deadline();
    return std::max(request_progress_, response_progress_) + route_.timeouts.tunnel;
  }
  if (response_done_) {
    const shared::TimePoint end = linger_.deadline();
    return request_blocked_ == Blocked::sink ? std::min(end, request_progress_ + kUntaken) : end;
  }
  if (kind_ == Kind::grpc) return call_deadline();
  auto due = shared::TimePoint::max();
  if (!request_ended_) {
    due = request_blocked_ == Blocked::sink ? request_progress_ + route_.timeouts.send
                                            : request_progress_ + settings_.timeouts.body;
  }
  // A server may well wait for the whole request before it answers. Until the head of its answer is whole, neither
  // pieces of it nor interim answers buy it more time.
  if (response_blocked_ == Blocked::sink) {
    due = std::min(due, client_seen() + settings_.timeouts.send);
  } else if (responding_) {
    due = std::min(due, response_progress_ + route_.timeouts.read);
  }
  if (!responding_ && request_ended_) due = std::min(due, sent_ + route_.timeouts.read);
  return due;
}

Relay::Step Relay::expire(shared::TimePoint now) {
  dismount();
  if (deadline() <= now) {
    now_ = now;
    return judge_silence();
  }
  if (tunnel_ != nullptr) mount();
  return Step::waiting;
}

Relay::Step Relay::judge_silence() {
  const shared::TimePoint now = now_;
  if (response_done_) return Step::done;
  if (tunnel_ != nullptr) return expire_tunnel();
  if (kind_ == Kind::grpc) return expire_call();
  if (!request_ended_ && request_blocked_ == Blocked::sink && request_progress_ + route_.timeouts.send <= now) {
    return expire_request();
  } else if (!request_ended_ && request_progress_ + settings_.timeouts.body <= now) {
    fail(ErrorKind::request_timeout, Side::client, "request body came too slowly");
  } else if (response_blocked_ == Blocked::sink && client_seen() + settings_.timeouts.send <= now) {
    fail(ErrorKind::client_closed, Side::client, "client took no more of the response");
  } else if (heard_ && !responding_) {
    fail(ErrorKind::upstream_timeout, Side::upstream, "no final answer from the upstream in time");
  } else {
    fail(ErrorKind::upstream_timeout, Side::upstream, "no byte from the upstream in time");
  }
  return Step::failed;
}

// Either side may wait for the other's word, or for something to happen. Who takes nothing is no such thing.
shared::TimePoint Relay::call_deadline() const {
  const shared::milliseconds silence = responding_ ? route_.timeouts.tunnel : route_.timeouts.read;
  shared::TimePoint due = std::max(request_progress_, response_progress_) + silence;
  if (!request_ended_ && request_blocked_ == Blocked::sink)
    due = std::min(due, request_progress_ + route_.timeouts.send);
  if (response_blocked_ == Blocked::sink) due = std::min(due, response_progress_ + settings_.timeouts.send);
  return due;
}

Relay::Step Relay::expire_call() {
  if (response_blocked_ == Blocked::sink && response_progress_ + settings_.timeouts.send <= now_) {
    fail(ErrorKind::client_closed, Side::client, "client took no more of the response");
  } else if (!request_ended_ && request_blocked_ == Blocked::sink && request_progress_ + route_.timeouts.send <= now_) {
    fail(ErrorKind::upstream_timeout, Side::upstream, "upstream took no more of the request");
  } else {
    const Side side = request_ended_ && !responding_ ? Side::upstream : Side::client;
    fail(ErrorKind::upstream_timeout, side, "nothing moved in time");
  }
  return Step::failed;
}

std::optional<std::uint8_t> Relay::grpc_status() const {
  if (kind_ != Kind::grpc || !responding_) return std::nullopt;
  if (head_status_) return head_status_;
  return grpc_status_of(h2_ != nullptr ? h2_->trailers() : from_upstream_.trailers());
}

// A WebSocket hears that it ends, from whoever has time left for that; anything else is closed.
Relay::Step Relay::expire_tunnel() {
  tunnel_->ended_by(TunnelEnd::idle);
  const bool more = tunnel_->leaving() ? tunnel_->go_on(now_) : tunnel_->leave(TunnelEnd::idle, now_);
  if (!more) return Step::done;
  exchange_.waiter.wake_soon();
  return Step::waiting;
}

// The server has taken nothing more of the request in time. If it answers, it may have heard enough.
Relay::Step Relay::expire_request() {
  if (!responding_) {
    fail(ErrorKind::upstream_timeout, Side::upstream, "upstream took no more of the request");
    return Step::failed;
  }
  request_ended_ = true;
  sent_ = now_;
  exchange_.waiter.wake_soon();
  return Step::waiting;
}

bool Relay::reusable() const {
  return h2_ == nullptr && response_done_ && request_done_ && !framing_.switched &&
         framing_.persistence == http::Persistence::keep && framing_.body.kind != http::BodyKind::until_close &&
         work_.in.empty();
}

}  // namespace edge
