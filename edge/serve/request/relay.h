#pragma once
// Relay: one attempt: a request to one upstream connection and its response back, both directions at once, with
// back-pressure. Plain calls: advance() moves what can be moved; when it says `waiting`, sleep until deadline().
//
//   client --RequestSource--> pump --MessageWriter--> upstream
//   client <--ResponseSink--  pump <--BodyReader--    upstream      (large bodies: Splice, inside the kernel)
//
// With a server that speaks HTTP/2 both ends are its stream's (H2UpstreamStream), and HTTP/1's are not used: one test
// of a pointer tells, and all that is decided here is decided once.
//
// Lives in serve_one's frame for one attempt; its worker's thread.

#include <cstdint>
#include <memory>
#include <optional>

#include "edge/core/message/errors.h"
#include "edge/core/message/linger.h"
#include "edge/core/route/route.h"
#include "edge/core/snapshot/snapshot.h"
#include "edge/serve/io/body_reader.h"
#include "edge/serve/io/message_writer.h"
#include "edge/serve/io/splice.h"
#include "edge/serve/request/exchange.h"
#include "edge/serve/request/request_body.h"
#include "edge/serve/request/tunnel.h"
#include "edge/serve/upstream/h2_upstream_stream.h"
#include "edge/serve/upstream/upstreams.h"
#include "shared/http/framing.h"
#include "shared/http/head.h"

namespace edge {

class Relay {
 public:
  enum class Step : std::uint8_t { waiting, done, failed };

  // What a relay works with; all of it outlives the relay.
  struct Sides {
    const Exchange& exchange;
    RequestBody& body;
    UpstreamConnection* upstream;  // null with HTTP/2
    H2UpstreamStream* h2;          // null with HTTP/1
    UpstreamWork& work;
    Counters& counters;
    Scratch& scratch;
    const HeaderRules& rules;  // of the answer
  };

  // A call of gRPC may be silent either way for as long as a tunnel may, once its answer has begun.
  enum class Kind : std::uint8_t { plain, grpc };

  // REQUIRES: the request's head for the upstream is queued in the work's `out`; with HTTP/2 the stream has begun.
  Relay(const Sides& sides, const Route& route, const Settings& settings, PipePool& pipes, Kind kind = Kind::plain);

  [[nodiscard]] Step advance(shared::TimePoint now);
  // REQUIRES: the last step was `waiting`.
  [[nodiscard]] shared::TimePoint deadline() const;
  // The deadline has come: failed, unless progress has moved it.
  [[nodiscard]] Step expire(shared::TimePoint now);

  [[nodiscard]] const Error& error() const { return error_; }
  // A byte of the response has been seen.
  [[nodiscard]] bool heard() const { return heard_; }
  // The server has done nothing for the request, and says so, or has not even had it.
  [[nodiscard]] bool unprocessed() const { return h2_ != nullptr && h2_->unprocessed() && !heard_; }
  // The client has been sent (a part of) an interim or the final head: no retry after it.
  [[nodiscard]] bool answering() const { return responding_ || told_interim_; }
  // When the whole request was sent, or nothing more of it will be; the end of time before that.
  [[nodiscard]] shared::TimePoint sent() const { return request_ended_ ? sent_ : shared::TimePoint::max(); }
  // The client has been sent (a part of) the final head.
  [[nodiscard]] bool responding() const { return responding_; }
  [[nodiscard]] std::uint16_t status() const { return work_.response.status; }
  [[nodiscard]] shared::TimePoint first_byte() const { return first_byte_; }
  // Of a call, as far as it is known: in the head of its answer, or in the trailers.
  [[nodiscard]] std::optional<std::uint8_t> grpc_status() const;
  [[nodiscard]] bool open_ended() const { return responding_ && framing_.body.kind == http::BodyKind::chunked; }
  // Since a 101; else null.
  [[nodiscard]] const Tunnel* tunnel() const { return tunnel_.get(); }
  // After `done`: the upstream connection may carry another request.
  [[nodiscard]] bool reusable() const;

 private:
  enum class Blocked : std::uint8_t { nothing, source, sink };

  // Of one answer, 100s included: a server may repeat 102 or 103 while it works, but not for ever.
  static constexpr std::uint32_t kMaxInterim = 100;
  static constexpr std::size_t kMaxInterimOctets = 64 * 1024;
  // A server that has answered and takes nothing for so long will not take the rest of the request.
  static constexpr shared::Duration kUntaken = shared::seconds(1);

  bool fail(ErrorKind kind, Side side, std::string_view detail);
  // Each returns false after fail().
  bool pump_request();
  void close_request();
  void discard_request();
  bool read_response_head();
  bool read_h2_head();
  bool h2_failed();
  bool receive_head();
  bool take_head();
  [[nodiscard]] bool keeps_word(const http::ResponseFraming& framing);
  bool take_interim();
  bool flush_interim();
  void start_tunnel();
  void mount();
  void dismount();
  [[nodiscard]] Step go_on();
  [[nodiscard]] Step judge_silence();
  Step expire_tunnel();
  Pumped move_request(std::uint64_t& moved);
  template <class Sink>
  Pumped move_to_server(Sink& sink, std::uint64_t& moved);
  [[nodiscard]] std::uint64_t sent_upstream() const {
    return h2_ == nullptr ? to_upstream_.octets_sent() : h2_->octets_sent();
  }
  [[nodiscard]] bool upstream_closed() const {
    return h2_ == nullptr ? upstream_->stream().peer_closed() : h2_->closed();
  }
  bool response_body_failed();
  bool pump_response();
  Pumped move_response(std::uint64_t& moved);
  template <class Source>
  Pumped move_to_client(Source& source, std::uint64_t& moved);
  Pumped begin_splice(std::uint64_t& moved);
  Pumped fill_sink(std::uint64_t& moved);
  Pumped go_on_splicing(std::uint64_t& moved);
  bool request_body_failed();
  [[nodiscard]] bool lingers() const;
  [[nodiscard]] shared::TimePoint client_seen() const;
  [[nodiscard]] shared::TimePoint call_deadline() const;
  [[nodiscard]] Step expire_call();
  [[nodiscard]] Step expire_request();

  const Exchange& exchange_;
  RequestBody& body_;
  UpstreamConnection* upstream_;
  H2UpstreamStream* h2_;
  UpstreamWork& work_;
  Counters& counters_;
  const HeaderRules& rules_;  // of the answer
  const Route& route_;
  const Settings& settings_;
  PipePool& pipes_;
  Scratch& scratch_;
  http::HeadParser parser_;
  http::ResponseFraming framing_;
  MessageWriter to_upstream_;
  BodyReader from_upstream_;
  std::optional<Splice> splice_;  // a large body's rest
  std::unique_ptr<Tunnel> tunnel_;
  Linger linger_;  // from response_done_ on, while the request still comes
  shared::TimePoint now_{};
  shared::TimePoint request_progress_{};
  shared::TimePoint response_progress_{};
  shared::TimePoint first_byte_{};
  shared::TimePoint sent_{};
  Blocked request_blocked_ = Blocked::nothing;
  Blocked response_blocked_ = Blocked::nothing;
  bool request_done_ = false;   // sent as a whole
  bool request_ended_ = false;  // nothing more of it will be sent, whole or not
  bool closing_request_ = false;
  bool heard_ = false;
  bool responding_ = false;
  bool told_interim_ = false;
  std::uint32_t interims_ = 0;
  std::size_t interim_octets_ = 0;
  bool response_done_ = false;
  Kind kind_;
  std::optional<std::uint8_t> head_status_;  // of a call
  Error error_;
};

}  // namespace edge
