#pragma once
// Attempt: one try of a request at one server: a Visit, and HTTP/1 on a connection (kept, or by a Connector) or a
// stream of HTTP/2 on a shared one: acquire, forward, relay. The visit is told of the head of the answer as soon as
// that is there, and of the rest at the end. Plain calls that never wait: after begin() and after every wake step(),
// until waiting() is over. Whatever way it ends, it gives back what it holds. In serve_one's frame; its worker's
// thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "edge/core/message/errors.h"
#include "edge/core/pool/pool.h"
#include "edge/core/protect/breaker.h"
#include "edge/serve/request/greeting.h"
#include "edge/serve/request/relay.h"
#include "edge/serve/request/request.h"
#include "edge/serve/request/session_asking.h"
#include "edge/serve/request/spans.h"
#include "edge/serve/upstream/connector.h"
#include "edge/serve/upstream/h2_upstream_stream.h"
#include "edge/serve/upstream/upstreams.h"
#include "edge/serve/upstream/visit.h"

namespace edge {

class Attempt {
 public:
  enum class Connection : std::uint8_t { any, fresh };

  struct Target {
    const Server* server = nullptr;  // null: none is left
    BreakerPermit permit;
    Connection connection = Connection::any;
    bool races_session = false;  // the server of the session, which stays there whoever wins
    bool hedges = false;         // it races one that is slow
  };

  Attempt(Request& request, const Target& target, UpstreamWork& work);
  ~Attempt();  // one that was not settled was cancelled: it says nothing about its server
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  void begin();
  void step(Wake wake);
  [[nodiscard]] shared::TimePoint deadline() const;
  // It has ended by itself: tells everybody who wants to know. Once.
  void settle();

  [[nodiscard]] bool waiting() const { return phase_ == Phase::connecting || phase_ == Phase::relaying; }
  [[nodiscard]] bool done() const { return phase_ == Phase::done; }
  [[nodiscard]] bool heard() const { return relay_ && relay_->heard(); }
  // The client has a part of the final answer.
  [[nodiscard]] bool responding() const { return relay_ && relay_->responding(); }
  // The client has been told something.
  [[nodiscard]] bool answering() const { return relay_ && relay_->answering(); }
  // Bytes of the request may have reached the server.
  [[nodiscard]] bool connected() const { return relay_.has_value() && !relay_->unprocessed(); }
  // The kept connection turned out to be dead, and nothing was heard on it: the server may well be alive.
  [[nodiscard]] bool stale() const {
    return phase_ == Phase::failed && error_.kind == ErrorKind::upstream_reset && reused_ && !heard();
  }
  [[nodiscard]] const Error& error() const { return error_; }
  [[nodiscard]] const Server& server() const { return visit_.server(); }
  [[nodiscard]] std::uint16_t status() const { return relay_->status(); }
  void write_times(Request& request) const;

 private:
  static constexpr int kMostCrowded = 8;  // connections that had no room, before it is given up

  enum class Phase : std::uint8_t { connecting, relaying, done, failed };

  void open_stream(Connection connection);
  void forward();
  [[nodiscard]] bool begin_stream(std::span<char> head);
  void check_connect(Wake wake);
  void check_stream();
  void relay(Wake wake);
  void expire_try();
  void fail(const Error& error);
  [[nodiscard]] shared::TimePoint try_deadline() const;
  [[nodiscard]] BreakerOutcome outcome() const;
  [[nodiscard]] std::uint16_t judged_status() const;
  [[nodiscard]] bool bad_answer() const;
  void judge_head();
  void remember_session();
  enum class Ended : std::uint8_t { by_itself, cancelled };
  void tell_span(Ended how);

  Request& request_;
  Visit visit_;
  std::optional<SessionWatcher> session_;  // of a pool whose servers make sessions
  Connector connector_;
  UpstreamWork& work_;
  Connection connection_;
  Phase phase_ = Phase::connecting;
  bool reused_ = false;
  int crowded_ = 0;
  Greeting greeting_;
  bool judged_ = false;  // the head of its answer
  std::unique_ptr<UpstreamConnection> upstream_;
  std::unique_ptr<H2UpstreamStream> h2_;  // null with HTTP/1
  shared::TimePoint stream_by_{};         // h2_ has to be ready
  std::optional<Relay> relay_;
  shared::TimePoint connected_at_;
  Error error_;
  std::unique_ptr<AttemptSpan> span_;  // null: its trace is not recorded, or it was told
};

}  // namespace edge
