// The response's direction of a Relay: interim heads, the head, the body; large bodies inside the kernel.

#include <array>
#include <memory>
#include <span>
#include <utility>

#include "edge/core/message/grpc.h"
#include "edge/serve/io/pump.h"
#include "edge/serve/request/relay.h"
#include "shared/core/ascii.h"
#include "shared/core/hash.h"

namespace edge {
namespace {

constexpr std::uint64_t kWorthFilling = 8 * 1024;  // octets; fewer are copied

// A body's part that has been received already; at its end a pump stops instead of asking the socket.
struct Buffered {
  BodyReader& reader;

  [[nodiscard]] BodyPiece peek() const { return reader.peek_buffered(); }
  void consume(std::size_t n) const { reader.consume(n); }
  [[nodiscard]] std::string_view trailers() const { return reader.trailers(); }
};

}  // namespace

bool Relay::receive_head() {
  ReadBuffer& buffer = work_.in;
  std::span<char> space = buffer.space();
  if (space.empty() && buffer.capacity() < settings_.answer_limits.max_head) {
    buffer.grow(settings_.answer_limits.max_head);
    space = buffer.space();
  }
  if (space.empty()) return fail(ErrorKind::bad_response, Side::upstream, "response head over the limit");
  const IoResult received = upstream_->stream().receive(space);
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
  // A server that wants a certificate says so only now (RFC 8446 4.4.2.4).
  const shared::TlsSession* const tls = upstream_->stream().tls();
  if (tls != nullptr && tls->failure() == shared::TlsFailure::alert) {
    return fail(ErrorKind::tls_failed, Side::upstream, tls->failure_text());
  }
  return fail(ErrorKind::upstream_reset, Side::upstream, "upstream closed before the response");
}

bool Relay::take_head() {
  if (h2_ == nullptr) {
    parser_.reset();
    work_.in.pin(work_.response.size);
  }
  const http::AskedFor asked{.method = exchange_.source.facts().head->method,
                             .upgrade = exchange_.source.facts().framing.upgrade};
  const auto framing = http::frame_response(work_.response, asked);
  if (!framing) return fail(ErrorKind::bad_response, Side::upstream, framing.error().reason);
  if (framing->interim) return take_interim();
  if (!exchange_.source.facts().accept.empty() && !keeps_word(*framing)) return false;
  framing_ = h2_ == nullptr ? *framing : h2_framing(*framing, h2_->ended_with_head());
  responding_ = true;
  if (kind_ == Kind::grpc) head_status_ = grpc_status_of(work_.response.fields);
  // What the server has said, and not what this edge says to this one client.
  if (work_.watcher != nullptr) work_.watcher->hear(work_.response);
  if (work_.session != nullptr) work_.session->hear(work_.response);
  if (!work_.set_cookie.empty()) {
    (void)work_.response.fields.push(
        {.name = "Set-Cookie", .value = work_.set_cookie, .id = http::FieldId::set_cookie});
  }
  if (!work_.rate_limit.empty()) {
    (void)work_.response.fields.push({.name = "RateLimit-Policy", .value = work_.rate_policy});
    (void)work_.response.fields.push({.name = "RateLimit", .value = work_.rate_limit});
  }
  if (!work_.cache_status.empty()) {
    (void)work_.response.fields.push({.name = "Cache-Status", .value = work_.cache_status});
  }
  body_.stop_keeping();
  exchange_.sink.start(work_.response, framing_, rules_);
  if (h2_ == nullptr) from_upstream_.begin(upstream_->stream(), work_.in, framing_.body);
  if (framing_.switched) start_tunnel();
  return true;
}

// To a client that has asked by CONNECT (RFC 8441) each 2xx is a tunnel, and it cannot look at the server's answer
// itself.
bool Relay::keeps_word(const http::ResponseFraming& framing) {
  if (!framing.switched) {
    const bool success = work_.response.status / 100 == 2;
    return success ? fail(ErrorKind::bad_response, Side::upstream, "no 101, and a success") : true;
  }
  const http::Field* const speaks = work_.response.fields.find(http::FieldId::upgrade);
  const http::Field* const accept = work_.response.fields.find("Sec-WebSocket-Accept");
  const bool fits = speaks != nullptr && shared::equals_ignoring_case(speaks->value, "websocket") &&
                    accept != nullptr && accept->value == exchange_.source.facts().accept;
  return fits ? true : fail(ErrorKind::bad_response, Side::upstream, "101 with another Sec-WebSocket-Accept");
}

bool Relay::take_interim() {
  interim_octets_ += work_.response.size;
  if (++interims_ > kMaxInterim || interim_octets_ > kMaxInterimOctets) {
    return fail(ErrorKind::bad_response, Side::upstream, "too many interim answers");
  }
  // The edge answers Expect itself, so an upstream's own 100 would be a second one.
  if (work_.response.status != 100) {
    exchange_.sink.interim(work_.response);
    told_interim_ = true;
  }
  if (h2_ == nullptr) work_.in.unpin();
  return true;
}

// Afterwards response_blocked_ says whether the client has taken all that there is for it.
bool Relay::flush_interim() {
  const std::uint64_t before = exchange_.sink.octets_sent();
  const Sent sent = exchange_.sink.flush();
  if (exchange_.sink.octets_sent() != before) response_progress_ = now_;
  response_blocked_ = sent == Sent::blocked ? Blocked::sink : Blocked::nothing;
  return sent == Sent::failed ? fail(ErrorKind::client_closed, Side::client, "client closed") : true;
}

// After 101 both sides speak another protocol: what comes is passed on as it is, until one of them closes.
void Relay::start_tunnel() {
  constexpr http::Body kRaw{.kind = http::BodyKind::until_close, .length = 0};
  const http::Field* speaks = work_.response.fields.find(http::FieldId::upgrade);
  const bool websocket = speaks != nullptr && shared::equals_ignoring_case(speaks->value, "websocket");
  const auto seed =
      static_cast<std::uint32_t>(shared::mix(static_cast<std::uint64_t>(now_.time_since_epoch().count())));
  tunnel_ = std::make_unique<Tunnel>(websocket ? Tunnel::Speaks::websocket : Tunnel::Speaks::unknown, counters_, seed);
  if (h2_ == nullptr) {
    to_upstream_.begin_body(kRaw);
    from_upstream_.begin(upstream_->stream(), work_.in, kRaw);
  }
  request_ended_ = request_done_ = false;
  exchange_.waiter.wake_soon();
}

// Reads at most once in a turn behind an interim head, and not before the client has taken that.
bool Relay::read_response_head() {
  if (h2_ != nullptr) return read_h2_head();
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
      exchange_.waiter.wake_soon();
      return true;
    }
    if (!receive_head()) return false;
    if (response_blocked_ == Blocked::source) return true;
  }
  return true;
}

// What came of the stream is there already; what has come to an end is looked at when there is no head more.
bool Relay::read_h2_head() {
  while (!responding_) {
    if (!flush_interim()) return false;
    if (response_blocked_ == Blocked::sink) return true;
    if (!h2_->head_there()) break;
    if (!heard_) first_byte_ = now_;
    heard_ = true;
    response_progress_ = now_;
    if (!h2_->take_head(work_.response)) {
      return fail(ErrorKind::bad_response, Side::upstream, "malformed response head");
    }
    if (!take_head()) return false;
  }
  if (responding_) return true;
  response_blocked_ = Blocked::source;
  return h2_->closed() ? h2_failed() : true;
}

// A reset is a word of the server's, unless it says that it has not looked at the request.
bool Relay::h2_failed() {
  if (!heard_ && h2_->answered() && !h2_->unprocessed()) {
    first_byte_ = now_;
    heard_ = true;
  }
  error_ = h2_->error();
  return false;
}

// What is buffered goes first; then, with the head out and octets that pass unchanged, the rest may be spliced.
Pumped Relay::begin_splice(std::uint64_t& moved) {
  Buffered buffered{from_upstream_};
  const Pumped pumped = pump(buffered, exchange_.sink, moved);
  if (pumped != Pumped::source_waits) return pumped;
  if (exchange_.sink.direct() == nullptr) return fill_sink(moved);
  std::unique_ptr<Pipe> pipe = pipes_.take();
  if (pipe == nullptr) return pump(from_upstream_, exchange_.sink, moved);
  splice_.emplace(pipes_, std::move(pipe), from_upstream_.unreceived());
  return go_on_splicing(moved);
}

// What is buffered goes first; then the rest of a body with a length is received where the sink keeps it, if that has
// room of its own.
Pumped Relay::fill_sink(std::uint64_t& moved) {
  ResponseSink& sink = exchange_.sink;
  Buffered buffered{from_upstream_};
  const Pumped pumped = pump(buffered, sink, moved);
  if (pumped != Pumped::source_waits) return pumped;
  std::array<iovec, ResponseSink::kParts> parts;
  while (moved < kPumpShare && from_upstream_.unreceived() > 0) {
    const std::span<const iovec> space = sink.space(from_upstream_.unreceived(), parts);
    if (space.empty()) break;
    const IoResult received = upstream_->stream().raw()->receive(space);
    if (received.status != IoStatus::ok) break;  // whatever it is, the reader finds it, too
    from_upstream_.skip(received.bytes);
    sink.filled(received.bytes);
    moved += received.bytes;
  }
  if (sink.blocked() && from_upstream_.unreceived() > 0) return Pumped::sink_blocked;
  return moved < kPumpShare ? pump(from_upstream_, sink, moved) : Pumped::turn_over;
}

Pumped Relay::go_on_splicing(std::uint64_t& moved) {
  std::uint64_t spliced = 0;
  Socket* const client = exchange_.sink.direct();
  if (client == nullptr) return Pumped::sink_failed;
  const Pumped pumped = splice_->advance(*upstream_->stream().raw(), *client, spliced);
  from_upstream_.skip(spliced);
  exchange_.sink.bypassed(spliced);
  moved += spliced;
  if (pumped != Pumped::done) return pumped;
  splice_.reset();
  exchange_.sink.end({});
  return Pumped::done;
}

Pumped Relay::move_response(std::uint64_t& moved) {
  if (tunnel_ != nullptr) return h2_ != nullptr ? move_to_client(*h2_, moved) : move_to_client(from_upstream_, moved);
  if (h2_ != nullptr) return pump(*h2_, exchange_.sink, moved);
  if (splice_) return go_on_splicing(moved);
  const std::uint64_t rest = upstream_->stream().raw() != nullptr ? from_upstream_.unreceived() : 0;
  if (rest >= PipePool::kWorthwhile) return begin_splice(moved);
  const bool fills = rest >= kWorthFilling && exchange_.source.facts().protocol.starts_with("HTTP/2");
  if (fills) return fill_sink(moved);
  return pump(from_upstream_, exchange_.sink, moved);
}

// Of a tunnel.
template <class Source>
Pumped Relay::move_to_client(Source& source, std::uint64_t& moved) {
  auto passage = tunnel_->to_client(exchange_.sink);
  passage.speak();
  if (!passage.clear()) return exchange_.sink.failed() ? Pumped::sink_failed : Pumped::sink_blocked;
  const Pumped pumped = pump(source, passage, moved);
  if (pumped == Pumped::done) tunnel_->ended_by(TunnelEnd::server);
  return pumped;
}

bool Relay::response_body_failed() {
  if (h2_ != nullptr) return h2_failed();
  if (from_upstream_.failure() == BodyFailure::malformed) {
    return fail(ErrorKind::bad_response, Side::upstream, "malformed chunked response body");
  }
  return fail(ErrorKind::upstream_reset, Side::upstream, "upstream closed inside the response body");
}

bool Relay::pump_response() {
  std::uint64_t moved = 0;
  const std::uint64_t before = exchange_.sink.octets_sent();
  const Pumped pumped = move_response(moved);
  if (moved > 0 || exchange_.sink.octets_sent() != before) response_progress_ = now_;
  response_blocked_ = pumped == Pumped::sink_blocked ? Blocked::sink : Blocked::source;
  switch (pumped) {
    case Pumped::source_waits:
    case Pumped::sink_blocked:
      return true;
    case Pumped::turn_over:
      exchange_.waiter.wake_soon();
      return true;
    case Pumped::done:
      response_done_ = true;
      return true;
    case Pumped::source_failed:
      return response_body_failed();
    case Pumped::sink_failed:
      return fail(ErrorKind::client_closed, Side::client, "client closed inside the response");
  }
  return true;
}

}  // namespace edge
