#pragma once
// Probe: the state machine of one target.
//
//   waiting --(its time, or the kept connection is lost)--> asking --> waiting
//
// A round is one probe, from begin() to conclude(). It makes one attempt, on the kept connection if there is one, and
// more of them on new connections while none is answered (shared/core/probe_plan.h): the first answer decides. A
// connection that ends within a round is replaced once: if that was a server being killed, the next connect is refused,
// which is proof; if the new one ends too, the round has failed. Owned by the Prober; its timers and connections hold
// it weakly. Control loop.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/core/probe_plan.h"
#include "shared/http/response_reader.h"
#include "shared/serve/client/http_connection.h"
#include "shared/serve/client/transport.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/probe/probe_gate.h"
#include "shared/serve/probe/prober.h"
#include "shared/serve/probe/stall_watch.h"

namespace shared {

// What all probes of a Prober share.
struct ProbeContext {
  Loop& loop;
  ProberSettings settings;
  Prober::Callback on_report;  // empty once the Prober is gone
  ClientTlsContexts tls;
  StallWatch stalls;
  std::shared_ptr<ProbeGate> gate;
  std::uint64_t draws = 0;      // of the jitter
  std::uint64_t discarded = 0;  // rounds
  TimePoint complained{};       // of what this machine lacks
};

class Probe : public std::enable_shared_from_this<Probe> {
 public:
  Probe(std::shared_ptr<ProbeContext> context, ProbeTarget target);

  void start();  // the first round, now
  void stop();   // for good

  // Same but for id and name: the probe can go on under the new ones.
  [[nodiscard]] bool serves(const ProbeTarget& target) const;
  void rename(const ProbeTarget& target);

  // Absent: one is under way.
  [[nodiscard]] std::optional<TimePoint> next_round() const;
  [[nodiscard]] const Endpoint& endpoint() const { return target_.endpoint; }

 private:
  enum class Phase : std::uint8_t { waiting, asking, stopped };

  // One of a round, until it is over.
  struct Attempt {
    std::shared_ptr<HttpConnection> connection;
    TimePoint began;
  };

  void begin_when_allowed();
  void begin();
  void attempt();
  void attempt_later();
  void connect();
  void ask(Attempt& attempt);
  void conclude(ProbeOutcome outcome, std::string_view reason);
  void end_round();
  void discard(TimePoint again);
  void discard_for(error_code error);
  void hurry_after(ProbeOutcome outcome);
  void wait_until(TimePoint when);
  void begin_early();

  void on_connected(const HttpConnection* connection);
  void on_answer(const HttpConnection* connection, const http::ResponseReader& answer);
  void on_judged(const HttpConnection* connection, const std::string& verdict);
  void on_unasked(const HttpConnection* connection);
  void on_failed(const HttpConnection* connection, error_code error);
  void on_attempt_failed(const HttpConnection* connection, error_code error);
  void on_deadline(error_code error);

  [[nodiscard]] Attempt* find(const HttpConnection* connection);
  void drop(const HttpConnection* connection);
  void keep(Attempt& attempt);
  [[nodiscard]] std::shared_ptr<HttpConnection> make_connection();
  void close_kept();
  void close_attempts();
  [[nodiscard]] Duration next_interval();

  std::shared_ptr<ProbeContext> context_;
  ProbeTarget target_;
  std::string request_;

  Phase phase_ = Phase::waiting;
  std::shared_ptr<HttpConnection> kept_;  // established, watched and idle
  std::vector<Attempt> attempts_;         // under way
  ProbeSuspicion suspicion_;
  ProbePlan plan_{ProbeCare::usual};  // of this round
  unsigned begun_ = 0;                // attempts of the plan
  http::ResponseReader response_;     // of the attempt that decided
  Duration round_trip_{};
  Timer schedule_;
  Timer next_attempt_;
  Timer deadline_;
  TimePoint began_{};       // this round
  TimePoint next_{};        // the next scheduled round
  bool silent_ = false;     // this round ends for want of any answer
  bool replaced_ = false;   // this round has already replaced a connection that ended
  unsigned early_row_ = 0;  // rounds begun early since a connection last lasted for an interval
  unsigned discard_row_ = 0;
  bool queued_ = false;     // waits for the gate
  bool hurried_ = false;    // it has refused: rounds follow each other sooner
  bool returning_ = false;  // and has answered again since
  unsigned hurried_row_ = 0;
};

}  // namespace shared
