#pragma once
// RegionHealth: what this node has seen of every edge, and what the operator said, folded into a HealthView. Pure
// state: probe results and the time go in, "changed" and a view come out. Owned by the Prober on the control loop, one
// thread.
//
// Rules: the first result of an edge counts at once, later ones by fall and rise; an edge that says it drains is
// drained at once. The operator's word beats the probe. If all unforced regions are lost within one window, this node
// suspects itself and shows each region as it last was for `isolation_hold`; lost one after another, they are down at
// once.

#include <optional>
#include <string>
#include <vector>

#include "dns/core/health_view.h"
#include "dns/core/region.h"
#include "shared/core/health.h"
#include "shared/core/time.h"

namespace dns {

struct RegionHealthSettings {
  shared::HealthSettings edge;  // fall, rise
  shared::Duration start_wait = shared::milliseconds(500);
  shared::Duration isolation_window = shared::seconds(7);  // fall x interval + timeout
  shared::Duration isolation_hold = shared::seconds(60);
};

// What a probe found: a success may carry the edge's own word that it drains.
enum class EdgeOutcome : std::uint8_t { success, draining, failure, refused };

struct Override {
  enum class State : std::uint8_t { up, down, drained };
  State state = State::down;
  std::string reason;
  std::optional<shared::TimePoint> expires;
};

// What an edge was before the restart.
struct PersistedEdge {
  std::string region;
  shared::IpAddress address;
  shared::HealthState state = shared::HealthState::unknown;
};

class RegionHealth {
 public:
  // Edges without a persisted state are taken as up until their first result.
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
  // Lets time pass: expiry of overrides, end of the isolation hold.
  [[nodiscard]] bool advance(shared::TimePoint now);
  // When advance() has something to do next.
  [[nodiscard]] std::optional<shared::TimePoint> next_deadline() const;

  [[nodiscard]] const HealthView& view() const { return view_; }
  // First answers may be given: every edge has been seen, or start_wait is over.
  [[nodiscard]] bool ready(shared::TimePoint now) const;
  [[nodiscard]] bool holding() const { return hold_until_.has_value(); }

  // For /status and for persisting.
  [[nodiscard]] const std::vector<Region>& regions() const { return regions_; }
  [[nodiscard]] shared::HealthState probed(EdgeId edge) const;
  [[nodiscard]] bool draining(EdgeId edge) const;  // by its own word
  [[nodiscard]] const std::optional<Override>& override_of(RegionId region) const;
  [[nodiscard]] const std::optional<Override>& override_of(EdgeId edge) const;
  [[nodiscard]] std::vector<PersistedEdge> persist() const;

 private:
  struct EdgeRecord {
    shared::HealthMachine machine;
    bool draining = false;
    std::optional<Override> forced;
  };
  struct RegionRecord {
    std::vector<EdgeRecord> edges;
    std::optional<Override> forced;
    std::optional<shared::TimePoint> lost_at;  // set while no edge of it serves
    RegionView last_serving;                   // what the isolation hold shows
  };

  void adopt(std::size_t region, const RegionHealth& before, std::size_t old);
  [[nodiscard]] bool refresh(shared::TimePoint now);
  void expire(shared::TimePoint now);
  [[nodiscard]] RegionView look(std::size_t region) const;
  void note_losses(const HealthView& fresh, shared::TimePoint now);
  void decide_hold(shared::TimePoint now);
  void show_last(HealthView& fresh) const;
  [[nodiscard]] EdgeRecord& edge_at(EdgeId edge) { return records_[index_of(edge.region)].edges[edge.index]; }
  [[nodiscard]] const EdgeRecord& edge_at(EdgeId edge) const {
    return records_[index_of(edge.region)].edges[edge.index];
  }

  std::vector<Region> regions_;
  RegionHealthSettings settings_;
  shared::TimePoint start_;
  std::vector<RegionRecord> records_;
  std::optional<shared::TimePoint> hold_until_;
  bool hold_spent_ = false;  // this loss of all was decided upon: no other hold before some region serves again
  HealthView view_;
};

}  // namespace dns
