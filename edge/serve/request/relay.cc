#include "edge/serve/request/relay.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "edge/serve/io/pump.h"

namespace edge {

namespace {

// A body's part that has been received already; at its end a pump stops instead of asking the socket.
struct Buffered {
  BodyReader& reader;

  [[nodiscard]] BodyPiece peek() const { return reader.peek_buffered(); }
  void consume(std::size_t n) const { reader.consume(n); }
  [[nodiscard]] std::string_view trailers() const { return reader.trailers(); }
};

}  // namespace

Relay::Relay(const Sides& sides, const Route& route, const Settings& settings, PipePool& pipes)
    : exchange_(sides.exchange),
      body_(sides.body),
      upstream_(sides.upstream),
      work_(sides.work),
      route_(route),
      settings_(settings),
      pipes_(pipes) {
  work_.in.clear();
  to_upstream_.begin(upstream_.stream(), work_.out);
  to_upstream_.begin_body(exchange_.framing().body);
  now_ = request_progress_ = response_progress_ = exchange_.waiter().loop().now();
}

bool Relay::fail(ErrorKind kind, Side side, std::string_view detail) {
  error_ = {.kind = kind, .side = side, .detail = detail};
  return false;
}

bool Relay::request_body_failed() {
  switch (exchange_.body_failure()) {
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

bool Relay::pump_request() {
  if (request_ended_) {
    if (closing_request_) close_request();
    if (!request_done_ && responding_ && !framing_.switched) discard_request();
    return true;
  }
  std::uint64_t moved = 0;
  const std::uint64_t before = to_upstream_.octets_sent();
  const Pumped pumped = pump(body_, to_upstream_, moved);
  if (moved > 0 || to_upstream_.octets_sent() != before) request_progress_ = now_;
  linger_.read(moved, now_);
  request_blocked_ = pumped == Pumped::sink_blocked ? Blocked::sink : Blocked::source;
  switch (pumped) {
    case Pumped::source_waits:
    case Pumped::sink_blocked:
      return true;
    case Pumped::turn_over:
      exchange_.waiter().wake_soon();
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

// Behind a tunnel's last octet the server hears that nothing more comes; under TLS that is an octet that may wait.
void Relay::close_request() { closing_request_ = upstream_.stream().shutdown() == IoStatus::again; }

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
  if (moved >= kPumpShare) exchange_.waiter().wake_soon();
}

bool Relay::receive_head() {
  ReadBuffer& buffer = work_.in;
  std::span<char> space = buffer.space();
  if (space.empty() && buffer.capacity() < settings_.answer_limits.max_head) {
    buffer.grow(settings_.answer_limits.max_head);
    space = buffer.space();
  }
  if (space.empty()) return fail(ErrorKind::bad_response, Side::upstream, "response head over the limit");
  const IoResult received = upstream_.stream().receive(space);
  if (received.status == IoStatus::ok) {
    if (!heard_) first_byte_ = now_;
    heard_ = true;
    response_progress_ = now_;
    buffer.commit(received.bytes);
    return true;
  }
  response_blocked_ = Blocked::source;
  if (received.status == IoStatus::again && !(request_ended_ && !request_done_)) return true;
  if (heard_) return fail(ErrorKind::upstream_reset, Side::upstream, "upstream closed inside the response head");
  return fail(ErrorKind::upstream_reset, Side::upstream, "upstream closed before the response");
}

bool Relay::take_head() {
  parser_.reset();
  work_.in.pin(work_.response.size);
  const http::AskedFor asked{.method = exchange_.head().method, .upgrade = exchange_.framing().upgrade};
  const auto framing = http::frame_response(work_.response, asked);
  if (!framing) return fail(ErrorKind::bad_response, Side::upstream, framing.error().reason);
  if (framing->interim) return take_interim();
  framing_ = *framing;
  responding_ = true;
  if (!work_.set_cookie.empty()) {
    // A head with as many fields as fit goes without: the session will be stuck at its next answer.
    (void)work_.response.fields.push(
        {.name = "Set-Cookie", .value = work_.set_cookie, .id = http::FieldId::set_cookie});
  }
  body_.stop_keeping();
  exchange_.start_response(work_.response, framing_, route_.response_rules);
  from_upstream_.begin(upstream_.stream(), work_.in, framing_.body);
  if (framing_.switched) start_tunnel();
  return true;
}

bool Relay::take_interim() {
  interim_octets_ += work_.response.size;
  if (++interims_ > kMaxInterim || interim_octets_ > kMaxInterimOctets) {
    return fail(ErrorKind::bad_response, Side::upstream, "too many interim answers");
  }
  // The edge answers Expect itself, so an upstream's own 100 would be a second one.
  if (work_.response.status != 100) {
    exchange_.queue_interim(work_.response);
    told_interim_ = true;
  }
  work_.in.unpin();
  return true;
}

// Afterwards response_blocked_ says whether the client has taken all that there is for it.
bool Relay::flush_interim() {
  const std::uint64_t before = exchange_.octets_sent();
  const Sent sent = exchange_.flush();
  if (exchange_.octets_sent() != before) response_progress_ = now_;
  response_blocked_ = sent == Sent::blocked ? Blocked::sink : Blocked::nothing;
  return sent == Sent::failed ? fail(ErrorKind::client_closed, Side::client, "client closed") : true;
}

// After 101 both sides speak another protocol: what comes is passed on as it is, until one of them closes.
void Relay::start_tunnel() {
  constexpr http::Body kRaw{.kind = http::BodyKind::until_close, .length = 0};
  exchange_.begin_tunnel();
  to_upstream_.begin_body(kRaw);
  from_upstream_.begin(upstream_.stream(), work_.in, kRaw);
  request_ended_ = request_done_ = false;
  exchange_.waiter().wake_soon();
}

// Reads at most once in a turn behind an interim head, and not before the client has taken that.
bool Relay::read_response_head() {
  const std::uint32_t before = interims_;
  while (!responding_) {
    const std::string_view buffered = work_.in.view();
    if (!buffered.empty()) {
      const http::ParseState state = parser_.parse_response(buffered, settings_.answer_limits, work_.response);
      if (state == http::ParseState::error)
        return fail(ErrorKind::bad_response, Side::upstream, parser_.refusal().reason);
      if (state == http::ParseState::complete) {
        if (!take_head()) return false;
        continue;
      }
    }
    if (!flush_interim()) return false;
    if (response_blocked_ == Blocked::sink) return true;
    if (interims_ > before) {
      exchange_.waiter().wake_soon();
      return true;
    }
    if (!receive_head()) return false;
    if (response_blocked_ == Blocked::source) return true;
  }
  return true;
}

// What is buffered goes first; then, with the head out and octets that pass unchanged, the rest may be spliced.
Pumped Relay::begin_splice(std::uint64_t& moved) {
  Buffered buffered{from_upstream_};
  const Pumped pumped = pump(buffered, exchange_, moved);
  if (pumped != Pumped::source_waits) return pumped;
  if (exchange_.direct() == nullptr)
    return exchange_.blocked() ? Pumped::sink_blocked : pump(from_upstream_, exchange_, moved);
  std::unique_ptr<Pipe> pipe = pipes_.take();
  if (pipe == nullptr) return pump(from_upstream_, exchange_, moved);
  splice_.emplace(pipes_, std::move(pipe), from_upstream_.unreceived());
  return go_on_splicing(moved);
}

Pumped Relay::go_on_splicing(std::uint64_t& moved) {
  std::uint64_t spliced = 0;
  Socket* const client = exchange_.direct();
  if (client == nullptr) return Pumped::sink_failed;
  const Pumped pumped = splice_->advance(*upstream_.stream().raw(), *client, spliced);
  from_upstream_.skip(spliced);
  exchange_.bypassed(spliced);
  moved += spliced;
  if (pumped != Pumped::done) return pumped;
  splice_.reset();
  exchange_.end({});
  return Pumped::done;
}

Pumped Relay::move_response(std::uint64_t& moved) {
  if (splice_) return go_on_splicing(moved);
  const bool raw = upstream_.stream().raw() != nullptr;
  if (raw && from_upstream_.unreceived() >= PipePool::kWorthwhile) return begin_splice(moved);
  return pump(from_upstream_, exchange_, moved);
}

bool Relay::pump_response() {
  std::uint64_t moved = 0;
  const std::uint64_t before = exchange_.octets_sent();
  const Pumped pumped = move_response(moved);
  if (moved > 0 || exchange_.octets_sent() != before) response_progress_ = now_;
  response_blocked_ = pumped == Pumped::sink_blocked ? Blocked::sink : Blocked::source;
  switch (pumped) {
    case Pumped::source_waits:
    case Pumped::sink_blocked:
      return true;
    case Pumped::turn_over:
      exchange_.waiter().wake_soon();
      return true;
    case Pumped::done:
      response_done_ = true;
      return true;
    case Pumped::source_failed:
      if (from_upstream_.failure() == BodyFailure::malformed) {
        return fail(ErrorKind::bad_response, Side::upstream, "malformed chunked response body");
      }
      return fail(ErrorKind::upstream_reset, Side::upstream, "upstream closed inside the response body");
    case Pumped::sink_failed:
      return fail(ErrorKind::client_closed, Side::client, "client closed inside the response");
  }
  return true;
}

Relay::Step Relay::advance(shared::TimePoint now) {
  now_ = now;
  if (response_done_) return !exchange_.abandoned() && pump_request() && lingers() ? Step::waiting : Step::done;
  if (exchange_.abandoned()) {
    fail(ErrorKind::client_closed, Side::client, "client closed");
    return Step::failed;
  }
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
  return !request_ended_ && !framing_.switched && !upstream_.stream().peer_closed() && linger_.deadline() > now_;
}

// A client that writes everything first takes the answer later.
shared::TimePoint Relay::client_seen() const {
  return request_done_ ? response_progress_ : std::max(response_progress_, request_progress_);
}

shared::TimePoint Relay::deadline() const {
  if (framing_.switched) return std::max(request_progress_, response_progress_) + route_.timeouts.read;
  if (response_done_) {
    const shared::TimePoint end = linger_.deadline();
    return request_blocked_ == Blocked::sink ? std::min(end, request_progress_ + kUntaken) : end;
  }
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
  if (deadline() > now) return Step::waiting;
  if (response_done_) return Step::done;
  now_ = now;
  if (framing_.switched) {
    fail(ErrorKind::upstream_timeout, Side::upstream, "tunnel idle");
  } else if (!request_ended_ && request_blocked_ == Blocked::sink && request_progress_ + route_.timeouts.send <= now) {
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

// The server has taken nothing more of the request in time. If it answers, it may have heard enough.
Relay::Step Relay::expire_request() {
  if (!responding_) {
    fail(ErrorKind::upstream_timeout, Side::upstream, "upstream took no more of the request");
    return Step::failed;
  }
  request_ended_ = true;
  sent_ = now_;
  exchange_.waiter().wake_soon();
  return Step::waiting;
}

bool Relay::reusable() const {
  return response_done_ && request_done_ && !framing_.switched && framing_.persistence == http::Persistence::keep &&
         framing_.body.kind != http::BodyKind::until_close && work_.in.empty();
}

}  // namespace edge
