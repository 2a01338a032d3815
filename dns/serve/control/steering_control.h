#pragma once
// SteeringControl: from probes to answers. Asks every edge through the Prober, folds what it hears and what the
// operator says into RegionHealth, and, when the view changes, builds the AnswerSets (well under a millisecond) and
// hands them to be published. Keeps health and overrides in the state directory. Owned by Control, on the control loop.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/core/health/region_health.h"
#include "dns/core/steer/answer_sets.h"
#include "dns/core/steer/policy_tables.h"
#include "dns/serve/control/steering_state.h"
#include "shared/core/result.h"
#include "shared/load/client_tls.h"
#include "shared/load/config.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/probe/prober.h"
#include "shared/serve/process/builder.h"
#include "shared/serve/process/state.h"
#include "shared/serve/process/state_writer.h"

namespace dns {

// Steady time, as a person reads it.
[[nodiscard]] shared::WallTime wall_time(shared::TimePoint time);

// What an operator names: a region, or the address of an edge (of all regions that have it).
struct OverrideRequest {
  std::string target;
  Override::State state{};
  std::string reason;
  std::optional<shared::Duration> expires_in;
};

class SteeringControl {
 public:
  struct Hooks {
    std::function<void(std::shared_ptr<const AnswerSets>)> publish;  // the view has changed
    std::function<void()> ready;                                     // once: first answers may be given
  };

  // `state` may be null: then nothing is remembered.
  SteeringControl(shared::Loop& loop, shared::Builder& builder, shared::StateWriter& writer,
                  const shared::StateDirectory* state, Hooks hooks);
  ~SteeringControl();
  SteeringControl(const SteeringControl&) = delete;
  SteeringControl& operator=(const SteeringControl&) = delete;

  // Reads what is remembered and begins to probe.
  [[nodiscard]] shared::Result<void> start(std::shared_ptr<const PolicyTables> tables,
                                           const shared::load::Config& config);
  // Takes over new tables without publish(): answers() are theirs after it. Edges of the same region and address keep
  // their state.
  void reload(std::shared_ptr<const PolicyTables> tables, const shared::load::Config& config);
  // Of edges that are probed over https, from the next start() or reload() on.
  void trust(shared::ClientTls tls) { probe_tls_ = std::move(tls); }
  // What is known of the targets of the ALIAS names of the tables that start() or reload() takes over next.
  void set_aliases(AliasView aliases) { aliases_ = std::move(aliases); }
  // Costs what changed, and publishes if a client could tell.
  void update_aliases(const std::vector<AliasChange>& changes);

  [[nodiscard]] const std::shared_ptr<const AnswerSets>& answers() const { return answers_; }

  // Called once, on the control loop: what was said is on disk, or why not. Without a state directory: at once.
  using Saved = std::function<void(shared::Result<void>)>;
  // The word counts at once; an error says what is wrong with the target, and nothing is done or called.
  [[nodiscard]] shared::Result<void> set_override(const OverrideRequest& request, Saved saved);
  [[nodiscard]] shared::Result<void> clear_override(std::string_view target, Saved saved);

  // For /status and /metrics.
  struct EdgeNotes {
    std::string reason;        // of the last probe that failed, or that it drains; empty after another success
    shared::WallTime since{};  // when the probed state last changed
    shared::Duration round_trip{};
    std::uint64_t probes = 0;
    std::uint64_t failures = 0;
    std::string fell_because;  // what the probe that took it down last said; empty: none has
    shared::WallTime fell_at{};
  };
  [[nodiscard]] const RegionHealth& health() const { return *health_; }
  [[nodiscard]] const EdgeNotes& notes(EdgeId edge) const { return notes_[number_of(edge)]; }
  // Absent: it is being probed.
  [[nodiscard]] std::optional<shared::TimePoint> next_probe(EdgeId edge) const {
    return prober_->next_round(number_of(edge));
  }
  // The names of the policies that have a step with this region.
  [[nodiscard]] std::vector<std::string> policies_naming(RegionId region) const;
  [[nodiscard]] std::uint64_t rebuilds() const { return rebuilds_; }
  [[nodiscard]] std::uint64_t discarded_rounds() const { return prober_->discarded(); }

  // Writes what has not been written; blocks. For the end.
  void save();
  void save_later(Saved saved = {});
  // Another process writes the files from here on.
  void stop_saving() { state_ = nullptr; }

 private:
  struct Target {  // what the operator's word resolves to
    RegionId region{};
    std::optional<std::uint16_t> edge;
  };

  void restore_overrides();
  void apply_settings(std::shared_ptr<const PolicyTables> tables);
  void set_targets(const shared::load::Config& config);
  void on_report(const shared::ProbeReport& report);
  void note_state(EdgeId edge, shared::HealthState before, std::string_view reason);
  void note_hold_down(EdgeId edge) const;
  void keep_notes(const RegionHealth& before, const std::vector<EdgeId>& edges, std::vector<EdgeNotes> notes);
  [[nodiscard]] std::string_view word_of(EdgeId edge) const;
  void log_edge(EdgeId edge, std::string_view reason) const;
  [[nodiscard]] std::string reason_of_region(std::size_t region) const;
  void view_changed(const HealthView& before);
  void log_regions(const HealthView& before) const;
  void replace_answers(std::shared_ptr<const AnswerSets> fresh);
  void check_ready();
  void wait_for_deadline();
  [[nodiscard]] std::vector<Target> resolve(std::string_view target) const;
  [[nodiscard]] bool override_one(const Target& target, const Override& word, shared::TimePoint now);
  [[nodiscard]] std::vector<NamedOverride> overrides() const;
  [[nodiscard]] std::size_t number_of(EdgeId edge) const { return first_number_[index_of(edge.region)] + edge.index; }

  shared::Loop& loop_;
  shared::Builder& builder_;
  shared::StateWriter& writer_;
  const shared::StateDirectory* state_;
  Hooks hooks_;
  std::unique_ptr<shared::Prober> prober_;
  shared::ClientTls probe_tls_;
  std::shared_ptr<const PolicyTables> tables_;
  std::unique_ptr<RegionHealth> health_;
  AliasView aliases_;
  std::shared_ptr<const AnswerSets> answers_;
  std::vector<EdgeId> edges_;              // by ProbeTargetId
  std::vector<std::size_t> first_number_;  // by region: where its edges begin in edges_
  std::vector<EdgeNotes> notes_;           // by ProbeTargetId
  shared::Timer deadline_;
  std::optional<shared::TimePoint> deadline_at_;  // what deadline_ waits for
  shared::Timer start_wait_;
  std::uint64_t rebuilds_ = 0;
  bool ready_ = false;
};

}  // namespace dns
