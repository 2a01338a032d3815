#pragma once
// Prober: active health checks over connections that it keeps. Lives on the control loop, never blocks it.
//
//   scheduled probe --> on the kept connection, or on a new one
//   EOF or reset of the kept connection, at any time --> reconnect and probe at once (a killed edge shows in
//   milliseconds) connection refused --> ProbeOutcome::refused; anything else that goes wrong, silence and no route too
//   --> failure
//
// A `tcp` target is probed by a new connection each time; the last one is kept and watched, and a server that closes it
// is connected to again. Failures of a round in which this loop itself stalled are discarded and tried again, and so
// are rounds that failed for want of something of our own (see local_errors.h). A peer that closes after every answer
// is not hammered: each further early probe waits twice as long, up to the interval. New targets in great number begin
// one after another, and `most_connections` bounds the descriptors: over half of it no connection is kept, over all of
// it rounds wait for each other.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/health.h"
#include "shared/core/ip.h"
#include "shared/core/time.h"
#include "shared/load/client_tls.h"
#include "shared/serve/loop/loop.h"

namespace shared {

enum class ProbeTargetId : std::uint32_t {};  // the caller's own numbering

enum class ProbeKind : std::uint8_t { http, tcp, grpc };

struct StatusRange {
  std::uint16_t first = 200;
  std::uint16_t last = 200;

  [[nodiscard]] bool contains(std::uint16_t status) const { return first <= status && status <= last; }
  bool operator==(const StatusRange&) const = default;
};

struct ProbeTarget {
  ProbeTargetId id{};
  std::string name;  // for the log only
  Endpoint endpoint;
  ProbeKind kind = ProbeKind::http;
  std::string host;        // Host and, over TLS, the name in it (without its port)
  std::string path = "/";  // origin form
  std::string service;     // of grpc; empty: the server as a whole
  Duration interval = seconds(2);
  Duration timeout = seconds(1);  // connect, handshake, request and answer together
  StatusRange expected;           // another status has failed
  std::size_t body_kept = 4096;   // octets of the body for the report
  double jitter = 0.1;            // each interval is drawn from [1 - jitter, 1] x interval
  std::optional<ClientTls> tls;   // over TLS; none: in clear text. Of http and grpc
  std::string greeting;           // first on every connection, before TLS
};

// One counted probe. Views are valid during the callback only.
struct ProbeReport {
  ProbeTargetId id{};
  ProbeOutcome outcome{};
  std::string_view reason;   // "connection refused", "no answer in 1000 ms", "status 503"; empty on success
  Duration round_trip{};     // request to first byte of the answer; tcp: the connect; zero when there was none
  std::uint16_t status = 0;  // 0: no HTTP answer
  std::string_view body;     // its beginning, with an unexpected status too
  bool body_complete = true;
  bool silent = false;  // nothing came back, or there is no way there: the trouble may be this machine's own
};

struct ProberSettings {
  Duration stall_threshold = milliseconds(250);  // this loop is late by more: its failures are discarded
  std::uint64_t seed = 0;                        // of the jitter
  // A target that refused is probed again so soon, then after twice as long, up to its interval; and so it is once it
  // answers again, until it is believed. Zero: at its interval.
  Duration after_refusal{0};
  std::size_t most_connections = 0;  // open at a time; 0: no bound
};

class Prober {
 public:
  using Callback = std::function<void(const ProbeReport&)>;

  static std::unique_ptr<Prober> make(Loop& loop, const ProberSettings& settings, Callback on_report);
  ~Prober();  // closes all connections; no callback after it
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // Replaces the set. A target that differs in nothing but id and name keeps its connection and schedule and takes the
  // new id; a new one is probed at once.
  void set_targets(std::vector<ProbeTarget> targets);

  // Takes targets out of the set, by their place in it, and adds others, whose ids say their place: one that is free,
  // or the next.
  void change_targets(std::span<const ProbeTargetId> gone, std::vector<ProbeTarget> fresh);

  // When the target that stood at this place of the set is probed next; absent: just now.
  [[nodiscard]] std::optional<TimePoint> next_round(std::size_t number) const;

  // The bound on connections from now on.
  void limit_connections(std::size_t most);

  // Rounds that were not counted: this loop stalled, or something of our own was missing.
  [[nodiscard]] std::uint64_t discarded() const;

 private:
  class Impl;
  explicit Prober(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace shared
