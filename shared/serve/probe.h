#pragma once
// Probe: the state machine of one target.
//
//   waiting --(its time, or the kept connection is lost)--> connecting --> asking --> waiting
//                                                           (kept) ------^
//
// A round is one probe, from begin() to conclude(). A connection that ends within a round is replaced once: if that was
// a server being killed, the next connect is refused, which is proof; if the new one ends too, the round has failed.
// Owned by the Prober; its timers and connections hold it weakly. Control loop.

#include <cstdint>
#include <memory>
#include <string>

#include "shared/serve/loop.h"
#include "shared/serve/probe_connection.h"
#include "shared/serve/probe_response.h"
#include "shared/serve/prober.h"
#include "shared/serve/stall_watch.h"

namespace shared {

// What all probes of a Prober share.
struct ProbeContext {
  Loop& loop;
  ProberSettings settings;
  Prober::Callback on_report;  // empty once the Prober is gone
  std::unique_ptr<asio::ssl::context> tls;
  StallWatch stalls;
  std::uint64_t draws = 0;      // of the jitter
  std::uint64_t discarded = 0;  // rounds
};

class Probe : public std::enable_shared_from_this<Probe> {
 public:
  Probe(std::shared_ptr<ProbeContext> context, ProbeTarget target);

  void start();  // the first round, now
  void stop();   // for good

  // Same but for id and name: the probe can go on under the new ones.
  [[nodiscard]] bool serves(const ProbeTarget& target) const;
  void rename(const ProbeTarget& target);

 private:
  enum class Phase : std::uint8_t { waiting, connecting, asking, stopped };

  void begin();
  void connect();
  void ask();
  void conclude(ProbeOutcome outcome, std::string_view reason);
  void wait_until(TimePoint when);
  void begin_early();

  void on_connected();
  void on_bytes(std::string_view bytes);
  void on_candidate_failed(error_code error);
  void on_kept_failed(error_code error);
  void on_deadline(error_code error);
  void on_answer();

  [[nodiscard]] std::shared_ptr<ProbeConnection> make_connection();
  void close_kept();
  void close_candidate();
  void retry_or_fail(error_code error);
  [[nodiscard]] Duration next_interval();

  std::shared_ptr<ProbeContext> context_;
  ProbeTarget target_;
  std::string request_;

  Phase phase_ = Phase::waiting;
  std::shared_ptr<ProbeConnection> kept_;       // established and watched
  std::shared_ptr<ProbeConnection> candidate_;  // being made
  ProbeResponse response_;
  Timer schedule_;
  Timer deadline_;
  TimePoint began_{};       // this round
  TimePoint next_{};        // the next scheduled round
  TimePoint asked_{};       // the request was written; tcp: connect began
  Duration round_trip_{};   // zero until the first byte
  bool replaced_ = false;   // this round has already replaced a connection that ended
  unsigned early_row_ = 0;  // rounds begun early since a connection last lasted for an interval
  unsigned discard_row_ = 0;
};

}  // namespace shared
