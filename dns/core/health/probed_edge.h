#pragma once
// ProbedEdge: what this node has seen of one edge: up or down with hysteresis, its own word that it drains, how often
// it fell, and whether it is silent or answers badly. Pure state: outcomes and the time go in. Owned by RegionHealth.

#include <cstdint>
#include <optional>

#include "dns/core/health/health_view.h"
#include "dns/core/health/hold_down.h"
#include "shared/core/health.h"
#include "shared/core/time.h"

namespace dns {

// What a probe found: a success may carry the edge's own word that it drains.
enum class EdgeOutcome : std::uint8_t {
  success,
  draining,
  failure,  // an answer, or a reset, but no good one
  silence,  // nothing at all came back, or there is no way there: the trouble may be ours
  refused,  // nobody listens: proof
};

struct ProbedEdgeSettings {
  shared::HealthSettings health;  // fall, rise
  HoldDownSettings hold_down;
};

class ProbedEdge {
 public:
  // `remembered`: what it was before a restart.
  explicit ProbedEdge(shared::HealthState remembered = shared::HealthState::unknown) : machine_(remembered) {}

  void observe(EdgeOutcome outcome, shared::TimePoint now, const ProbedEdgeSettings& settings);

  // By its probes and its own word.
  [[nodiscard]] EdgeState state(shared::TimePoint now) const;
  // The same, but for one that is kept: as it was before it fell silent.
  [[nodiscard]] EdgeState shown(shared::TimePoint now) const { return kept_ ? before_ : state(now); }

  // It fell silent at `since` or later, and has not been heard to be ill.
  [[nodiscard]] bool silenced_since(shared::TimePoint since) const { return silenced_at_ && *silenced_at_ >= since; }
  // This node suspects itself: the fall says nothing of the edge. Until it is released, or heard to be ill.
  void keep();
  void release() { kept_ = false; }
  [[nodiscard]] bool kept() const { return kept_; }
  [[nodiscard]] const std::optional<shared::TimePoint>& silent_since() const { return silent_since_; }
  [[nodiscard]] const std::optional<shared::TimePoint>& heard_at() const { return heard_at_; }

  [[nodiscard]] const shared::HealthMachine& machine() const { return machine_; }
  [[nodiscard]] bool draining() const { return draining_; }
  [[nodiscard]] const HoldDown& hold_down() const { return hold_down_; }
  void forgive() { hold_down_.forgive(); }

 private:
  void note_voice(EdgeOutcome outcome, shared::TimePoint now);

  shared::HealthMachine machine_;
  HoldDown hold_down_;
  EdgeState before_ = EdgeState::unknown;         // its fall
  std::optional<shared::TimePoint> silenced_at_;  // it fell by silence, and has not been heard to be ill since
  std::optional<shared::TimePoint> silent_since_;
  std::optional<shared::TimePoint> heard_at_;  // last, well or ill
  bool draining_ = false;
  bool kept_ = false;
};

}  // namespace dns
