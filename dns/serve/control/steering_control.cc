#include "dns/serve/control/steering_control.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "dns/serve/control/edge_words.h"
#include "shared/core/edge_report.h"
#include "shared/core/hash.h"
#include "shared/serve/os/log.h"

namespace dns {

using shared::Clock;
using shared::fail;
using shared::HealthState;
using shared::IpAddress;
using shared::Level;
using shared::log_event;
using shared::Result;

namespace {

using System = std::chrono::system_clock;

shared::ProbeKind kind_of(shared::load::ProbeKind kind) {
  switch (kind) {
    case shared::load::ProbeKind::http:
    case shared::load::ProbeKind::https:
      return shared::ProbeKind::http;
    case shared::load::ProbeKind::tcp:
      return shared::ProbeKind::tcp;
  }
  return shared::ProbeKind::tcp;
}

shared::Duration time_to_notice(const shared::load::Config& config) {
  const auto of = [&config](const shared::load::EdgeHealth& probe) {
    return config.health.edge.fall * probe.interval + probe.timeout;
  };
  shared::Duration longest = of(config.health.edge);
  for (const auto& region : config.regions) {
    if (const auto probe = region.value.probed_by()) longest = std::max(longest, of(*probe));
  }
  return longest;
}

RegionHealthSettings settings_of(const shared::load::Config& config, const PolicyTables& tables) {
  const shared::load::Health& health = config.health;
  RegionHealthSettings settings;
  settings.edge = health.edge.settings();
  settings.start_wait = health.start_wait;
  settings.isolation_window = time_to_notice(config);
  settings.isolation_hold = health.isolation_hold;
  settings.hold_down = {health.edge.hold_down, health.edge.hold_down_max};
  settings.drain_settles = {};
  for (const SteeredName& name : tables.spec().names) {
    if (!name.alias) settings.drain_settles = std::max(settings.drain_settles, name.ttl.max);
  }
  return settings;
}

// An edge that is about to stop still answers, and says so in its health page.
EdgeOutcome outcome_of(const shared::ProbeReport& report) {
  switch (report.outcome) {
    case shared::ProbeOutcome::success:
    case shared::ProbeOutcome::degraded:
      return says_draining(report) ? EdgeOutcome::draining : EdgeOutcome::success;
    case shared::ProbeOutcome::failure:
      return report.silent ? EdgeOutcome::silence : EdgeOutcome::failure;
    case shared::ProbeOutcome::refused:
      return EdgeOutcome::refused;
  }
  return EdgeOutcome::failure;
}

bool serves(const RegionView& region) {
  return std::any_of(region.edges.begin(), region.edges.end(), [](EdgeState edge) { return edge != EdgeState::down; });
}

shared::TimePoint steady_time(shared::WallTime time, shared::TimePoint now) {
  return now + std::chrono::duration_cast<shared::Duration>(time - System::now());
}

void complain(std::string_view file, const std::string& reason) {
  log_event(Level::warn, "state_unreadable", {{"file", file}, {"reason", reason}});
}

}  // namespace

shared::WallTime wall_time(shared::TimePoint time) {
  return System::now() + std::chrono::duration_cast<System::duration>(time - Clock::now());
}

SteeringControl::SteeringControl(shared::Loop& loop, shared::Builder& builder, shared::StateWriter& writer,
                                 const shared::StateDirectory* state, Hooks hooks)
    : loop_(loop),
      builder_(builder),
      writer_(writer),
      state_(state),
      hooks_(std::move(hooks)),
      deadline_(loop),
      start_wait_(loop) {}

SteeringControl::~SteeringControl() = default;

Result<void> SteeringControl::start(std::shared_ptr<const PolicyTables> tables, const shared::load::Config& config) {
  const shared::load::Health& health = config.health;
  shared::ProberSettings settings;
  settings.seed = shared::mix(static_cast<std::uint64_t>(System::now().time_since_epoch().count()));
  prober_ = shared::Prober::make(loop_, settings, [this](const shared::ProbeReport& report) { on_report(report); });

  std::vector<PersistedEdge> remembered;
  if (state_ != nullptr) {
    const auto text = state_->read(kHealthFile);
    if (text && *text) {
      auto edges = read_health(**text);
      if (edges) remembered = std::move(*edges);
      if (!edges) complain(kHealthFile, edges.error().message);
    } else if (!text) {
      complain(kHealthFile, text.error().message);
    }
  }
  const auto regions = tables->spec().regions;
  health_ = std::make_unique<RegionHealth>(regions, settings_of(config, *tables), Clock::now(), remembered);
  apply_settings(std::move(tables));
  restore_overrides();
  set_targets(config);
  replace_answers(AnswerSets::build(*tables_, health_->view(), std::exchange(aliases_, {})));
  wait_for_deadline();
  start_wait_.expires_after(health.start_wait);
  start_wait_.async_wait([this](shared::error_code error) {
    if (!error) check_ready();
  });
  check_ready();
  return {};
}

void SteeringControl::reload(std::shared_ptr<const PolicyTables> tables, const shared::load::Config& config) {
  const auto old_edges = edges_;
  auto old_notes = std::move(notes_);
  const auto before = std::move(health_);
  const auto regions = tables->spec().regions;
  health_ = std::make_unique<RegionHealth>(regions, settings_of(config, *tables), Clock::now(), *before);
  apply_settings(std::move(tables));
  keep_notes(*before, old_edges, std::move(old_notes));
  set_targets(config);
  replace_answers(AnswerSets::build(*tables_, health_->view(), std::exchange(aliases_, {})));
  wait_for_deadline();
  check_ready();
  save_later();
}

void SteeringControl::keep_notes(const RegionHealth& before, const std::vector<EdgeId>& edges,
                                 std::vector<EdgeNotes> notes) {
  std::map<std::pair<std::string, IpAddress>, EdgeNotes> known;
  for (std::size_t i = 0; i < edges.size(); ++i) {
    const Region& region = before.regions()[index_of(edges[i].region)];
    known.insert_or_assign({region.name, region.edges[edges[i].index]}, std::move(notes[i]));
  }
  for (const EdgeId edge : edges_) {
    const Region& region = health_->regions()[index_of(edge.region)];
    const auto same = known.find({region.name, region.edges[edge.index]});
    if (same != known.end()) notes_[number_of(edge)] = std::move(same->second);
  }
}

// The numbering of edges and what goes with it.
void SteeringControl::apply_settings(std::shared_ptr<const PolicyTables> tables) {
  tables_ = std::move(tables);
  edges_.clear();
  first_number_.clear();
  const auto& regions = health_->regions();
  for (std::size_t r = 0; r < regions.size(); ++r) {
    first_number_.push_back(edges_.size());
    for (std::size_t e = 0; e < regions[r].edges.size(); ++e) {
      edges_.push_back({RegionId{static_cast<std::uint16_t>(r)}, static_cast<std::uint16_t>(e)});
    }
  }
  notes_.assign(edges_.size(), EdgeNotes{{}, System::now(), {}, 0, 0, {}, {}});
}

void SteeringControl::set_targets(const shared::load::Config& config) {
  std::vector<shared::ProbeTarget> targets;
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    const Region& region = health_->regions()[index_of(edges_[i].region)];
    const IpAddress& address = region.edges[edges_[i].index];
    const auto foreign = config.regions[index_of(edges_[i].region)].value.probed_by();
    const shared::load::EdgeHealth health = foreign.value_or(config.health.edge);
    shared::ProbeTarget target;
    target.id = shared::ProbeTargetId{static_cast<std::uint32_t>(i)};
    target.name = region.name + " " + address.to_string();
    target.endpoint = {address, health.effective_port()};
    target.kind = kind_of(health.kind);
    target.host = health.host;
    target.path = health.path;
    target.interval = health.interval;
    target.timeout = health.timeout;
    target.body_kept = shared::EdgeReport::kMaxSize;
    if (health.kind == shared::load::ProbeKind::https) target.tls = foreign ? shared::ClientTls() : probe_tls_;
    targets.push_back(std::move(target));
  }
  prober_->set_targets(std::move(targets));
}

void SteeringControl::on_report(const shared::ProbeReport& report) {
  const EdgeId edge = edges_[static_cast<std::size_t>(report.id)];
  EdgeNotes& notes = notes_[number_of(edge)];
  ++notes.probes;
  if (shared::log_enabled(Level::debug)) {
    log_event(Level::debug, "probe",
              {{"region", health_->regions()[index_of(edge.region)].name},
               {"edge", health_->regions()[index_of(edge.region)].edges[edge.index].to_string()},
               {"status", report.status},
               {"round_trip_us", std::chrono::duration_cast<std::chrono::microseconds>(report.round_trip).count()},
               {"reason", report.reason}});
  }
  notes.reason = reason_of(report);
  notes.round_trip = report.round_trip;
  if (report.outcome != shared::ProbeOutcome::success) ++notes.failures;

  const HealthState state_before = health_->probed(edge);
  const std::string_view word_before = word_of(edge);
  const HealthView view_before = health_->view();
  const bool changed = health_->observe(edge, outcome_of(report), Clock::now());
  note_state(edge, state_before, notes.reason);
  if (word_of(edge) != word_before) log_edge(edge, notes.reason);
  if (changed) view_changed(view_before);
  wait_for_deadline();
  check_ready();
}

void SteeringControl::note_state(EdgeId edge, HealthState before, std::string_view reason) {
  const HealthState now = health_->probed(edge);
  if (now == before) return;
  EdgeNotes& notes = notes_[number_of(edge)];
  notes.since = System::now();
  if (now == HealthState::down) {
    notes.fell_because = reason;
    notes.fell_at = notes.since;
  }
  note_hold_down(edge);
  save_later();
}

void SteeringControl::note_hold_down(EdgeId edge) const {
  const auto now = Clock::now();
  const HoldDown& hold_down = health_->edge(edge).hold_down();
  const auto until = hold_down.until(now);
  if (!until) return;
  const Region& region = health_->regions()[index_of(edge.region)];
  log_event(Level::warn, "edge_held_down",
            {{"region", region.name},
             {"edge", region.edges[edge.index].to_string()},
             {"falls", hold_down.falls(now, health_->settings().hold_down)},
             {"seconds", std::chrono::ceil<shared::seconds>(*until - now).count()}});
}

// As probed, but for an edge that answers and says that it drains.
std::string_view SteeringControl::word_of(EdgeId edge) const {
  const HealthState state = health_->probed(edge);
  return state != HealthState::down && health_->draining(edge) ? "draining" : to_string(state);
}

void SteeringControl::log_edge(EdgeId edge, std::string_view reason) const {
  const Region& region = health_->regions()[index_of(edge.region)];
  log_event(health_->probed(edge) == HealthState::down ? Level::warn : Level::info, "edge_state",
            {{"region", region.name},
             {"edge", region.edges[edge.index].to_string()},
             {"state", word_of(edge)},
             {"reason", reason}});
}

void SteeringControl::view_changed(const HealthView& before) {
  log_regions(before);
  replace_answers(answers_->with_health(*tables_, health_->view()));
  hooks_.publish(answers_);
}

void SteeringControl::log_regions(const HealthView& before) const {
  const HealthView& now = health_->view();
  for (std::size_t i = 0; i < now.regions.size(); ++i) {
    const bool served = serves(before.regions[i]);
    const bool serving = serves(now.regions[i]);
    if (served == serving && before.regions[i].note == now.regions[i].note) continue;
    log_event(served && !serving ? Level::warn : Level::info, "region_state",
              {{"region", health_->regions()[i].name},
               {"serves", serving},
               {"note", now.regions[i].note},
               {"reason", reason_of_region(i)}});
  }
}

std::vector<std::string> SteeringControl::policies_naming(RegionId region) const {
  std::vector<std::string> names;
  for (const Policy& policy : tables_->spec().policies) {
    if (regions_named(policy, tables_->spec().regions)[index_of(region)]) names.push_back(policy.name);
  }
  return names;
}

// "192.0.2.1: status 503: critical pool web is empty; 192.0.2.2: draining"
std::string SteeringControl::reason_of_region(std::size_t region) const {
  std::string text;
  for (std::size_t e = 0; e < health_->regions()[region].edges.size(); ++e) {
    const EdgeId edge{RegionId{static_cast<std::uint16_t>(region)}, static_cast<std::uint16_t>(e)};
    const std::string& reason = notes_[number_of(edge)].reason;
    if (reason.empty()) continue;
    text += (text.empty() ? "" : "; ") + health_->regions()[region].edges[e].to_string() + ": " + reason;
  }
  return text;
}

void SteeringControl::replace_answers(std::shared_ptr<const AnswerSets> fresh) {
  builder_.dispose(std::exchange(answers_, std::move(fresh)));
  ++rebuilds_;
}

void SteeringControl::update_aliases(const std::vector<AliasChange>& changes) {
  auto fresh = answers_->with_aliases(*tables_, changes);
  if (fresh == nullptr) return;
  replace_answers(std::move(fresh));
  hooks_.publish(answers_);
}

void SteeringControl::check_ready() {
  if (ready_ || !health_->ready(Clock::now())) return;
  ready_ = true;
  start_wait_.cancel();
  hooks_.ready();
}

void SteeringControl::wait_for_deadline() {
  const auto next = health_->next_deadline();
  if (next == deadline_at_) return;
  deadline_at_ = next;
  deadline_.cancel();
  if (!next) return;
  deadline_.expires_at(*next);
  deadline_.async_wait([this](shared::error_code error) {
    if (error) return;
    deadline_at_.reset();
    const HealthView before = health_->view();
    if (health_->advance(Clock::now())) view_changed(before);
    save_later();
    wait_for_deadline();
  });
}

std::vector<SteeringControl::Target> SteeringControl::resolve(std::string_view target) const {
  std::vector<Target> found;
  const auto address = IpAddress::parse(target);
  const auto& regions = health_->regions();
  for (std::size_t r = 0; r < regions.size(); ++r) {
    const RegionId id{static_cast<std::uint16_t>(r)};
    if (regions[r].name == target) return {{id, std::nullopt}};
    for (std::size_t e = 0; address && e < regions[r].edges.size(); ++e) {
      if (regions[r].edges[e] == *address) found.push_back({id, static_cast<std::uint16_t>(e)});
    }
  }
  return found;
}

bool SteeringControl::override_one(const Target& target, const Override& word, shared::TimePoint now) {
  if (target.edge) return health_->set_override(EdgeId{target.region, *target.edge}, word, now);
  return health_->set_override(target.region, word, now);
}

Result<void> SteeringControl::set_override(const OverrideRequest& request, Saved saved) {
  const auto targets = resolve(request.target);
  if (targets.empty()) return fail("no region and no edge is called '" + request.target + "'");
  const auto now = Clock::now();
  Override word{request.state, request.reason, std::nullopt, now};
  if (request.expires_in) word.expires = now + *request.expires_in;
  const HealthView before = health_->view();
  bool changed = false;
  for (const Target& target : targets) changed = override_one(target, word, now) || changed;
  log_event(Level::info, "override_set",
            {{"target", request.target}, {"state", to_string(request.state)}, {"reason", request.reason}});
  if (changed) view_changed(before);
  wait_for_deadline();
  save_later(std::move(saved));
  return {};
}

Result<void> SteeringControl::clear_override(std::string_view name, Saved saved) {
  const auto targets = resolve(name);
  if (targets.empty()) return fail("no region and no edge is called '" + std::string(name) + "'");
  const auto now = Clock::now();
  const HealthView before = health_->view();
  bool changed = false;
  for (const Target& target : targets) {
    changed = (target.edge ? health_->clear_override(EdgeId{target.region, *target.edge}, now)
                           : health_->clear_override(target.region, now)) ||
              changed;
  }
  log_event(Level::info, "override_cleared", {{"target", name}});
  if (changed) view_changed(before);
  wait_for_deadline();
  save_later(std::move(saved));
  return {};
}

void SteeringControl::restore_overrides() {
  if (state_ == nullptr) return;
  const auto text = state_->read(kOverridesFile);
  if (!text) return complain(kOverridesFile, text.error().message);
  if (!*text) return;
  const auto words = read_overrides(**text);
  if (!words) return complain(kOverridesFile, words.error().message);
  const auto now = Clock::now();
  for (const NamedOverride& word : *words) {
    Override restored{word.state, word.reason, std::nullopt, std::nullopt};
    if (word.expires && *word.expires <= System::now()) continue;
    if (word.expires) restored.expires = steady_time(*word.expires, now);
    if (word.since) restored.since = steady_time(*word.since, now);
    for (const Target& target : resolve(word.edge ? word.edge->to_string() : word.region)) {
      if (health_->regions()[index_of(target.region)].name != word.region) continue;
      (void)override_one(target, restored, now);  // the first answers are built after this
    }
  }
}

std::vector<NamedOverride> SteeringControl::overrides() const {
  std::vector<NamedOverride> out;
  const auto add = [&out](const Region& region, std::optional<IpAddress> edge, const std::optional<Override>& word) {
    if (!word) return;
    NamedOverride named{region.name, edge, word->state, word->reason, std::nullopt, std::nullopt};
    if (word->expires) named.expires = wall_time(*word->expires);
    if (word->since) named.since = wall_time(*word->since);
    out.push_back(std::move(named));
  };
  const auto& regions = health_->regions();
  for (std::size_t r = 0; r < regions.size(); ++r) {
    const RegionId id{static_cast<std::uint16_t>(r)};
    add(regions[r], std::nullopt, health_->override_of(id));
    for (std::size_t e = 0; e < regions[r].edges.size(); ++e) {
      add(regions[r], regions[r].edges[e], health_->override_of(EdgeId{id, static_cast<std::uint16_t>(e)}));
    }
  }
  return out;
}

void SteeringControl::save_later(Saved saved) {
  writer_.write(std::string(kHealthFile), [text = write_health(health_->persist())] { return text; });
  auto words = [text = write_overrides(overrides())] { return text; };
  writer_.write(std::string(kOverridesFile), std::move(words), std::move(saved));
}

void SteeringControl::save() {
  if (state_ == nullptr || health_ == nullptr) return;
  (void)state_->write(kHealthFile, write_health(health_->persist()));
  (void)state_->write(kOverridesFile, write_overrides(overrides()));
}

}  // namespace dns
