#include "dns/core/health/probed_edge.h"

namespace dns {
namespace {

using shared::HealthState;
using shared::ProbeOutcome;
using shared::TimePoint;

ProbeOutcome probe_outcome(EdgeOutcome outcome) {
  switch (outcome) {
    case EdgeOutcome::success:
    case EdgeOutcome::draining:
      return ProbeOutcome::success;
    case EdgeOutcome::failure:
    case EdgeOutcome::silence:
      return ProbeOutcome::failure;
    case EdgeOutcome::refused:
      break;
  }
  return ProbeOutcome::refused;
}

}  // namespace

void ProbedEdge::observe(EdgeOutcome outcome, TimePoint now, const ProbedEdgeSettings& settings) {
  const EdgeState before = state(now);
  const bool was_up = machine_.state() == HealthState::up;
  const bool was_down = machine_.state() == HealthState::down;
  (void)machine_.observe(probe_outcome(outcome), settings.health);
  if (outcome == EdgeOutcome::draining) draining_ = true;
  if (outcome == EdgeOutcome::success) draining_ = false;
  if (was_up && machine_.state() == HealthState::down) {
    before_ = before;
    silenced_at_ = now;
    hold_down_.fell(now, settings.hold_down);
  }
  if (was_down && machine_.state() == HealthState::up) {
    silenced_at_.reset();
    kept_ = false;
    hold_down_.recovered(now, settings.hold_down);
  }
  note_voice(outcome, now);
}

void ProbedEdge::note_voice(EdgeOutcome outcome, TimePoint now) {
  if (outcome == EdgeOutcome::silence) {
    if (!silent_since_) silent_since_ = now;
    return;
  }
  silent_since_.reset();
  heard_at_ = now;
  if (outcome != EdgeOutcome::failure && outcome != EdgeOutcome::refused) return;
  silenced_at_.reset();
  kept_ = false;
}

EdgeState ProbedEdge::state(TimePoint now) const {
  switch (machine_.state()) {
    case HealthState::unknown:
      return EdgeState::unknown;
    case HealthState::down:
      return EdgeState::down;
    case HealthState::up:
    case HealthState::degraded:
      break;
  }
  if (draining_) return EdgeState::drained;
  return hold_down_.until(now) ? EdgeState::held_down : EdgeState::up;
}

void ProbedEdge::keep() {
  kept_ = true;
  hold_down_.take_back_fall();
}

}  // namespace dns
