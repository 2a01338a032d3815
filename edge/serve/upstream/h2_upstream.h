#pragma once
// H2Upstream: one connection to a server that speaks HTTP/2 (RFC 9113), on which many requests are at a time, each by a
// stream of its own (H2UpstreamStream). Its way there is a Connector's; then it waits for the server's SETTINGS, which
// say how many streams it takes: until then nothing of a request is at risk. Takes in and sends for all streams
// together, once a turn. What comes is taken off the connection's window at once and off the stream's when the client
// has it: who reads slowly stops nobody else. Owned by H2Upstreams; its worker's thread.
//
//   connecting --Connector--> opening --SETTINGS--> open --GOAWAY--> leaving --its last stream--> over

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/pool/pool.h"
#include "edge/core/protect/abuse_score.h"
#include "edge/serve/io/frame_pool.h"
#include "edge/serve/io/h2_library.h"
#include "edge/serve/io/task.h"
#include "edge/serve/upstream/connector.h"
#include "edge/serve/upstream/h2_upstream_stream.h"
#include "edge/serve/upstream/upstreams.h"

namespace edge {

class H2Upstreams;

// What a connection is made by and for; all values, since it may outlive the snapshot that they come from.
struct H2UpstreamPlan {
  ServerId server{};
  std::vector<shared::Endpoint> addresses;
  PoolTls tls;
  std::string name;  // in TLS
  ServerHttp2 http2;
  IdleSettings idle;
  http::HeadLimits limits;          // of answers
  shared::milliseconds patience{};  // for each address, for the SETTINGS, and for the answer to a PING
};

class H2Upstream final : public Pooled {
 public:
  H2Upstream(H2Upstreams& owner, H2UpstreamPlan plan);
  ~H2Upstream();
  H2Upstream(const H2Upstream&) = delete;
  H2Upstream& operator=(const H2Upstream&) = delete;

  void start();
  // It can take one stream more, as far as is known, and leads where this way does.
  [[nodiscard]] bool takes(const UpstreamWay& way) const;
  // The server has told its settings: whoever comes now goes on what has stood before.
  [[nodiscard]] bool stands() const { return state_ == State::open; }
  [[nodiscard]] bool over() const { return state_ == State::over; }
  // No request is on it, and the next one for its name may be.
  [[nodiscard]] bool kept() const;
  [[nodiscard]] shared::TimePoint idle_since() const { return idle_since_; }

  // The streams'.
  void attach(H2UpstreamStream& stream);
  void detach(H2UpstreamStream& stream);
  // It stands, and has room for one of those that have waited for it; REQUIRES: attached.
  [[nodiscard]] bool admits();
  [[nodiscard]] nghttp2_session* session() { return session_.get(); }
  [[nodiscard]] const http::HeadLimits& limits() const { return plan_.limits; }
  [[nodiscard]] std::string_view scheme() const { return layered_ ? "https" : "http"; }
  // The server has said SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 3).
  [[nodiscard]] bool takes_tunnels() const;
  [[nodiscard]] shared::TimePoint now() const;
  [[nodiscard]] bool stalled() const { return !out_.empty() && !upstream_->stream().writable(); }
  // Why it has come to its end.
  [[nodiscard]] const Error& error() const { return error_; }
  void want_write();
  void begun() { ++begun_; }
  // A stream has waited for nothing: no further one comes here before the server has answered a PING.
  void doubt();

  // The session's.
  void begin_head(std::int32_t id);
  int take_field(std::int32_t id, std::string_view name, std::string_view value);
  int begin_frame(const nghttp2_frame_hd& head);
  int take_frame(const nghttp2_frame& frame);
  void take_data(std::int32_t id, std::string_view data);
  void sent_frame(const nghttp2_frame& frame);
  void not_sent(const nghttp2_frame& frame);
  void closed_stream(std::int32_t id, std::uint32_t code);
  int put_data(std::string_view head, std::size_t size, const nghttp2_frame& frame);
  ssize_t offer(std::int32_t id, std::size_t most, std::uint32_t& flags);

 private:
  enum class State : std::uint8_t { connecting, opening, open, leaving, over };

  Task<> run();
  [[nodiscard]] bool turn(Wake wake);
  [[nodiscard]] bool read_input();
  [[nodiscard]] bool feed(std::string_view octets);
  [[nodiscard]] bool write_output();
  [[nodiscard]] bool fill();
  [[nodiscard]] Sent send();
  void run_ready();
  void wake_blocked();
  void ready(H2UpstreamStream& stream);
  [[nodiscard]] shared::TimePoint deadline() const;
  void expire();
  void ask();
  void end(const Error& error);
  [[nodiscard]] Error broken_rules() const;
  [[nodiscard]] bool finished() const;
  void say_goodbye();
  void end_streams();
  [[nodiscard]] std::uint32_t allowed() const;  // streams, by the server
  [[nodiscard]] std::size_t capacity() const;
  [[nodiscard]] int judge(Oddity oddity);
  [[nodiscard]] H2UpstreamStream* find(std::int32_t id);
  void let_go(const H2UpstreamStream& stream);
  void reset(const H2UpstreamStream& stream, std::uint32_t code);

  H2Upstreams& owner_;
  H2UpstreamPlan plan_;
  Waiter waiter_;
  std::optional<Connector> connector_;
  std::unique_ptr<UpstreamConnection> upstream_;
  H2Session session_;
  OutBuffer out_;
  std::vector<H2UpstreamStream*> streams_;
  std::vector<H2UpstreamStream*> ready_;  // something has happened to them in this turn
  std::vector<H2UpstreamStream*> waking_;
  std::vector<std::int32_t> ending_;  // that nobody waits for: their END_STREAM is still to go out
  AbuseScore abuse_;
  Error error_;
  shared::TimePoint idle_since_{};
  shared::TimePoint opened_by_{};  // the SETTINGS have to be there
  shared::TimePoint heard_at_{};   // anything
  shared::TimePoint asked_at_{};   // a PING that is not answered; none: the beginning of time
  std::size_t begun_ = 0;          // of the streams: those whose request has been handed to the library
  State state_ = State::connecting;
  bool in_turn_ = false;
  bool layered_ = false;
  bool doubted_ = false;
  std::optional<Task<>> root_;
};

}  // namespace edge
