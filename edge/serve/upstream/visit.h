#pragma once
// Visit: a request or a connection that is at a server, and what is known of the server by it: in flight at server and
// pool, the breaker's permit, counters, response time. Knows nothing of HTTP: an attempt, a TCP connection, a stream of
// HTTP/2 is a Visit, a Stream and what they speak. end() says how it went; one that is destroyed without it was
// cancelled: it says nothing of the server and gives everything back. No I/O but the log of breakers; time is an
// argument. Owned by who goes there; its worker's thread.

#include <cstdint>
#include <string_view>

#include "edge/core/pool/live.h"
#include "edge/core/pool/pool.h"
#include "edge/core/protect/breaker.h"
#include "edge/serve/account/server_counters.h"
#include "shared/core/time.h"

namespace edge {

// What the server has begun to say.
enum class FirstWord : std::uint8_t {
  good,
  poor,  // counts as slow, however soon it came
  bad,   // likewise, and it will be held against the server
};

struct VisitEnd {
  BreakerOutcome outcome = BreakerOutcome::unknown;
  std::uint16_t status = 0;        // of an HTTP answer; 0: none came
  bool again = false;              // not the first visit of its request
  shared::TimePoint first_byte{};  // zero: not one came
  std::string_view reason{};       // for the log, should it open the breaker
};

class Visit {
 public:
  // Where it writes to; both outlive the visit. The counters are the worker's.
  struct Books {
    Live& live;
    ServerCounterTable& servers;
  };
  // The snapshot that these belong to is pinned by the visitor. The permit is the visit's from now on.
  struct Destination {
    const Pool& pool;
    const Server& server;
    BreakerPermit permit;
  };

  Visit(const Books& books, const Destination& to, shared::TimePoint now);
  ~Visit();
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  // What is known with the head of an answer is told at once: what follows may stream for hours. At most once; returns
  // the microseconds that it took.
  std::uint64_t hear(FirstWord word, shared::TimePoint first_byte, shared::TimePoint now);
  // Once.
  void end(const VisitEnd& end, shared::TimePoint now);

  [[nodiscard]] const Server& server() const { return server_; }
  [[nodiscard]] shared::TimePoint began() const { return began_; }
  [[nodiscard]] BreakerPermit::Kind entered_as() const { return entered_as_; }

 private:
  [[nodiscard]] ServerCounters& counters() const;
  void remember_time(shared::Duration took, FirstWord word, shared::TimePoint now);
  void tell_breaker(BreakerOutcome outcome, std::string_view reason, shared::TimePoint now);
  void leave(BreakerOutcome outcome, std::string_view reason, shared::TimePoint now);

  Books books_;
  const Pool& pool_;
  const Server& server_;
  ServerLive& live_;
  PoolLive* pool_live_;  // null: it does not count its requests as a whole
  BreakerPermit permit_;
  BreakerPermit::Kind entered_as_;
  shared::TimePoint began_;
  bool known_bad_ = false;
  bool left_ = false;
};

}  // namespace edge
