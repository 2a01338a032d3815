#pragma once
// The circuit breaker of one server: a state machine in one 64-bit word of Live, so that all workers share it without a
// lock and every change is one compare-and-swap.
//
//                failures in a row               probes succeed
//      closed ---------------------> open         +---------------> closed
//        ^                            | its time   |
//        |                            v is over    |  a probe fails
//        +------------------------ half-open ------+---------------> open, for longer
//
// What pick() looks at is the mirror of the state in the server's ServerState, kept by mirror() after every change and
// by the control loop's tick() when the open time is over. Closed, a request costs one relaxed load when it begins and
// one when it ends. Half-open, at most `probes` requests are under way; each holds a permit, given back on every way
// out. A breaker that opens again soon stays open twice as long, up to `max_open`; every time is drawn from [1, 1 +
// jitter] x it, so that edges do not come back in step. How many of a pool may be open is breaker_share.h's. Any
// thread.

#include <atomic>
#include <cstdint>
#include <string_view>

#include "edge/core/protect/eligibility.h"
#include "shared/core/mode.h"
#include "shared/core/time.h"

namespace edge {

struct BreakerSettings {
  shared::Mode mode = shared::Mode::enforce;
  std::uint16_t failures = 5;   // in a row; at most 1000
  std::uint16_t probes = 1;     // under way at a time while half-open; at most 60
  std::uint16_t successes = 1;  // of probes, in a row, that close it; at most 1000
  shared::milliseconds open{30000};
  shared::milliseconds max_open{300000};
  double jitter = 0.2;
  double max_opened = 0.5;  // share of the pool; see breaker_share.h
};

[[nodiscard]] std::string_view to_string(BreakerState state);

// The word, taken apart. Time counts in steps of 8 ms of the steady clock: 36 bits are 17 years of uptime.
struct BreakerWord {
  BreakerState state = BreakerState::closed;
  std::uint8_t era = 0;     // counts the openings, modulo 64: a permit of an older one changes nothing
  std::uint16_t count = 0;  // closed: failures in a row; half-open: probes that succeeded
  std::uint8_t grown = 0;   // how often the open time was doubled
  std::uint8_t probes = 0;  // half-open: under way
  std::uint64_t time = 0;   // open: its end; closed: since when

  [[nodiscard]] static BreakerWord unpack(std::uint64_t bits);
  [[nodiscard]] std::uint64_t pack() const;
  bool operator==(const BreakerWord&) const = default;
};

// What a request has been given to go to this server with.
struct BreakerPermit {
  enum class Kind : std::uint8_t {
    refused,
    normal,
    probe,
    shadowed,  // would have been refused
    bypassed,  // the breaker was not asked: panic, or nobody else is left
  };
  Kind kind = Kind::normal;
  std::uint8_t era = 0;
  bool has_place = false;  // among the requests there: it is counted already (see pool/places.h)

  [[nodiscard]] bool refused() const { return kind == Kind::refused; }
};

enum class BreakerOutcome : std::uint8_t { success, failure, unknown };  // unknown: the client left, say

// What happened to the word: for the log and the counters.
enum class BreakerChange : std::uint8_t { none, opened, closed, due };  // due: closed, and its failures are reached

// One server's, in Live.
class Breaker {
 public:
  // A request is about to go to the server.
  [[nodiscard]] BreakerPermit enter(const BreakerSettings& settings, shared::TimePoint now, ServerState& mirror_in);
  // What enter() would say now; nothing is taken.
  [[nodiscard]] BreakerPermit foresee(const BreakerSettings& settings, shared::TimePoint now) const;
  // It has come back. `seed` draws the jitter. Each permit is left once.
  BreakerChange leave(BreakerPermit permit, BreakerOutcome outcome, const BreakerSettings& settings,
                      shared::TimePoint now, std::uint64_t seed, ServerState& mirror_in);
  // The same, but where leave() opens it from closed it is `due`, and stays so until open() or a success.
  BreakerChange report(BreakerPermit permit, BreakerOutcome outcome, const BreakerSettings& settings,
                       shared::TimePoint now, std::uint64_t seed, ServerState& mirror_in);
  // Of one that is due.
  BreakerChange open(const BreakerSettings& settings, shared::TimePoint now, std::uint64_t seed,
                     ServerState& mirror_in);
  // Control, a few times a second: an open time that is over shows in the mirror; so does a change of the settings.
  void tick(const BreakerSettings& settings, shared::TimePoint now, ServerState& mirror_in);

  // Another server has this cell now.
  void forget() { word_.store(0, std::memory_order_relaxed); }
  // Open and its time is over is half-open; half-open with all probes out is probing.
  [[nodiscard]] BreakerState state_at(const BreakerSettings& settings, shared::TimePoint now) const;
  [[nodiscard]] std::uint64_t word() const { return word_.load(std::memory_order_relaxed); }

 private:
  void mirror(const BreakerSettings& settings, shared::TimePoint now, ServerState& mirror_in) const;

  std::atomic<std::uint64_t> word_{0};
};

}  // namespace edge
