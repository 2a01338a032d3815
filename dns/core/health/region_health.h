#pragma once
// RegionHealth: what this node has seen of every edge, and what the operator said, folded into a HealthView. Pure
// state: probe results and the time go in, "changed" and a view come out. Owned by the Prober on the control loop, one
// thread.
//
// Rules: the first result of an edge counts at once, later ones by fall and rise; until it, the edge is unknown, and
// what is known to be up comes first. An edge that says it drains is drained at once; one that falls too often is held
// down before it is believed again (hold_down.h). The operator's word beats all of that. If no region that is left can
// serve, and those left to their probes fell silent within one window, this node suspects itself (isolation.h): for
// `isolation_hold` it shows each edge as it was before the silence began.
//
//   outcome -> ProbedEdge --+
//   operator's word --------+-> RegionView -> losses -> Isolation -> RegionView, edges kept as before -> HealthView

#include <optional>
#include <string>
#include <vector>

#include "dns/core/health/health_view.h"
#include "dns/core/health/isolation.h"
#include "dns/core/health/override.h"
#include "dns/core/health/probed_edge.h"
#include "dns/core/health/region.h"
#include "shared/core/health.h"
#include "shared/core/time.h"

namespace dns {

// The defaults of what is configured are those of shared::load::Health.
struct RegionHealthSettings {
  shared::HealthSettings edge;  // fall, rise
  shared::Duration start_wait{};
  shared::Duration isolation_window{};  // fall x interval + timeout, of whom it is longest
  shared::Duration isolation_hold{};
  HoldDownSettings hold_down = {};
  // The greatest TTL that answers may have: so long after a drain has begun or ended somebody may still have them.
  shared::Duration drain_settles{};

  [[nodiscard]] ProbedEdgeSettings of_edges() const { return {edge, hold_down}; }
};

// What an edge was before the restart.
struct PersistedEdge {
  std::string region;
  shared::IpAddress address;
  shared::HealthState state = shared::HealthState::unknown;
};

class RegionHealth {
 public:
  // Edges without a persisted state are unknown until their first result.
  RegionHealth(std::vector<Region> regions, RegionHealthSettings settings, shared::TimePoint now,
               const std::vector<PersistedEdge>& persisted);
  // After a reload: what has the same region name and address keeps its state, overrides and pending flips included.
  RegionHealth(std::vector<Region> regions, RegionHealthSettings settings, shared::TimePoint now,
               const RegionHealth& before);

  // All of these return true when view() changed.
  [[nodiscard]] bool observe(EdgeId edge, EdgeOutcome outcome, shared::TimePoint now);
  [[nodiscard]] bool set_override(RegionId region, Override override, shared::TimePoint now);
  [[nodiscard]] bool set_override(EdgeId edge, Override override, shared::TimePoint now);
  [[nodiscard]] bool clear_override(RegionId region, shared::TimePoint now);
  [[nodiscard]] bool clear_override(EdgeId edge, shared::TimePoint now);
  // Lets time pass: expiry of overrides, end of the isolation hold and of hold-downs, drains that all have heard of.
  [[nodiscard]] bool advance(shared::TimePoint now);
  // When advance() has something to do next.
  [[nodiscard]] std::optional<shared::TimePoint> next_deadline() const;

  [[nodiscard]] const HealthView& view() const { return view_; }
  // First answers may be given: every edge has been seen, or start_wait is over.
  [[nodiscard]] bool ready(shared::TimePoint now) const;
  // This node suspects itself, until then.
  [[nodiscard]] bool holding() const { return isolation_.until().has_value(); }
  [[nodiscard]] const std::optional<shared::TimePoint>& holding_until() const { return isolation_.until(); }

  // For /status and for persisting.
  [[nodiscard]] const std::vector<Region>& regions() const { return regions_; }
  [[nodiscard]] const RegionHealthSettings& settings() const { return settings_; }
  [[nodiscard]] const ProbedEdge& edge(EdgeId edge) const { return edge_at(edge).probed; }
  [[nodiscard]] shared::HealthState probed(EdgeId edge) const;
  [[nodiscard]] bool draining(EdgeId edge) const;  // by its own word
  [[nodiscard]] const std::optional<Override>& override_of(RegionId region) const;
  [[nodiscard]] const std::optional<Override>& override_of(EdgeId edge) const;
  [[nodiscard]] std::vector<PersistedEdge> persist() const;

 private:
  struct EdgeRecord {
    ProbedEdge probed;
    std::optional<Override> forced;
  };
  struct RegionRecord {
    std::vector<EdgeRecord> edges;
    std::optional<Override> forced;
    std::optional<shared::TimePoint> lost_at;  // set while no edge of it serves
    std::vector<bool> drained;                 // by edge, as last shown
    shared::TimePoint drained_at{};            // when that last changed
  };
  enum class Sight : std::uint8_t { probed, shown };  // shown: edges that are kept are as they were

  void adopt(std::size_t region, const RegionHealth& before, std::size_t old);
  [[nodiscard]] bool refresh(shared::TimePoint now);
  void expire();
  [[nodiscard]] HealthView look(Sight sight) const;
  [[nodiscard]] RegionView look(std::size_t region, Sight sight) const;
  void note_losses(const HealthView& probed);
  [[nodiscard]] Losses losses(const HealthView& probed) const;
  void judge_isolation(const HealthView& probed);
  void note_drains(HealthView& fresh);
  template <class Visit>
  void for_each_edge(Visit visit);
  [[nodiscard]] EdgeRecord& edge_at(EdgeId edge) { return records_[index_of(edge.region)].edges[edge.index]; }
  [[nodiscard]] const EdgeRecord& edge_at(EdgeId edge) const {
    return records_[index_of(edge.region)].edges[edge.index];
  }

  std::vector<Region> regions_;
  RegionHealthSettings settings_;
  shared::TimePoint start_;
  shared::TimePoint now_;  // of the last refresh()
  std::vector<RegionRecord> records_;
  Isolation isolation_;
  HealthView view_;
};

}  // namespace dns
