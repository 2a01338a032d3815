#pragma once
// SpanExport: carries the workers' spans to a collector: collected from their lanes, put together to batches, posted
// one call at a time. A batch that the collector could not take now (no answer, 429, 502, 503, 504) is kept and sent
// again, when Retry-After says so or after 1 s, 2 s ... kLongest; one that it will not take is dropped. What waits is
// bounded: beyond that the oldest go, so that who comes back hears what is new. Owned by Control, made before its
// workers; control loop.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/core/message/otlp.h"
#include "edge/load/otlp.h"
#include "edge/serve/account/span_lane.h"
#include "edge/serve/control/web_peer.h"
#include "shared/core/result.h"
#include "shared/serve/client/http_client.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/resolve/name_follower.h"

namespace edge {

class SpanExport {
 public:
  static constexpr shared::Duration kTick = shared::milliseconds(100);
  static constexpr shared::Duration kPause = shared::seconds(1);
  static constexpr shared::Duration kLongest = shared::seconds(30);
  static constexpr shared::Duration kLongestWait = std::chrono::minutes(5);  // however long Retry-After says
  static constexpr shared::Duration kFarewell = shared::seconds(2);          // for the rest, when the process ends
  static constexpr std::size_t kLargestBatch = 1024 * 1024;                  // octets

  struct Counts {
    std::uint64_t exported = 0;    // spans that the collector has taken
    std::uint64_t queue_full = 0;  // spans dropped: too many waited
    std::uint64_t refused = 0;     // likewise: the collector will not take the batch
    std::uint64_t rejected = 0;    // likewise: of a batch that it has taken
    std::uint64_t calls = 0;       // that were answered well
    std::uint64_t failures = 0;    // calls that were not
    std::string problem;           // of the last one; empty: it went well
  };

  SpanExport(shared::Loop& loop, shared::NameFollower& follower);
  SpanExport(const SpanExport&) = delete;
  SpanExport& operator=(const SpanExport&) = delete;

  // One for each worker, which outlive these.
  void make_lanes(std::size_t workers);
  [[nodiscard]] SpanLane& lane(std::size_t worker) { return *lanes_[worker]; }

  // Where to, and who tells; nothing: nowhere, and what waits is dropped.
  void set(const std::optional<OtlpPlan>& plan, const SpanAttributes& edge, const std::string& version);
  // No worker writes any more: what is left is sent, as far as that goes within kFarewell. `done` is called once,
  // perhaps from within.
  void finish(std::function<void()> done);

  [[nodiscard]] bool enabled() const { return plan_.has_value(); }
  [[nodiscard]] const std::optional<OtlpPlan>& plan() const { return plan_; }
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::uint64_t lane_full() const;                        // spans that found no room in their lane
  [[nodiscard]] std::size_t waiting() const { return waiting_spans_; }  // spans
  [[nodiscard]] std::size_t waiting_octets() const { return waiting_octets_; }

 private:
  struct Batch {
    std::string octets;
    std::size_t spans = 0;
  };

  void tick();
  void collect(shared::TimePoint now);
  void add(std::string_view span);
  [[nodiscard]] std::size_t largest_batch() const;
  void close_batch();
  void bound();
  void send();
  [[nodiscard]] shared::HttpCall call_of(const Batch& batch) const;
  void answered(const shared::Result<shared::HttpAnswer>& answer);
  void taken(const shared::HttpAnswer& answer);
  void failed(const std::string& problem);
  void again(const shared::HttpAnswer* answer);
  void pop();
  void pause(shared::Duration how_long);
  void leave();

  WebPeer peer_;
  std::vector<std::unique_ptr<SpanLane>> lanes_;
  std::optional<OtlpPlan> plan_;
  SpanAttributes edge_;
  std::string resource_;
  std::string version_;
  std::string carried_;  // from the lanes
  Batch open_;
  shared::TimePoint opened_{};
  std::deque<Batch> queue_;  // the front one is sent while busy_
  std::size_t waiting_spans_ = 0;
  std::size_t waiting_octets_ = 0;
  bool running_ = false;
  bool busy_ = false;     // a call is out
  bool resting_ = false;  // the pause behind one that failed
  shared::Duration backoff_ = kPause;
  shared::Timer tick_;
  shared::Timer pause_;
  shared::Timer farewell_;
  std::function<void()> done_;  // the process ends
  std::string told_;            // the problem that the log has
  Counts counts_;
};

}  // namespace edge
