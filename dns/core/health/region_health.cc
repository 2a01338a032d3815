#include "dns/core/health/region_health.h"

#include <algorithm>
#include <utility>

#include "dns/core/health/region_note.h"

namespace dns {
namespace {

using shared::Family;
using shared::HealthState;
using shared::TimePoint;

bool serves(const RegionView& view) {
  return std::ranges::any_of(view.edges, [](EdgeState state) { return state != EdgeState::down; });
}

EdgeState state_of(Override::State forced) {
  switch (forced) {
    case Override::State::up:
      return EdgeState::up;
    case Override::State::drained:
      return EdgeState::drained;
    case Override::State::down:
      break;
  }
  return EdgeState::down;
}

// What is well again counts as up, lest it be held down against the operator's word.
void believe(std::vector<EdgeState>& edges) { std::ranges::replace(edges, EdgeState::held_down, EdgeState::up); }

// What a region that is forced up answers, of the edges that `counts`: those that are up, else those that nobody has
// probed, else all.
template <class Counts>
void force_up(std::vector<EdgeState>& edges, Counts counts) {
  const auto has = [&](EdgeState state) {
    for (std::size_t i = 0; i < edges.size(); ++i) {
      if (counts(i) && edges[i] == state) return true;
    }
    return false;
  };
  if (has(EdgeState::up)) return;
  const bool some_unknown = has(EdgeState::unknown);
  for (std::size_t i = 0; i < edges.size(); ++i) {
    if (counts(i) && (!some_unknown || edges[i] == EdgeState::unknown)) edges[i] = EdgeState::up;
  }
}

void force_up(const Region& region, std::vector<EdgeState>& edges) {
  believe(edges);
  if (region.cname) return force_up(edges, [](std::size_t) { return true; });  // it has no families
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    force_up(edges, [&](std::size_t i) { return region.edges[i].family == family; });
  }
}

void force(const Region& region, Override::State forced, std::vector<EdgeState>& edges) {
  if (forced == Override::State::up) return force_up(region, edges);
  for (EdgeState& edge : edges) {
    if (forced == Override::State::down || edge != EdgeState::down) edge = state_of(forced);
  }
}

}  // namespace

RegionHealth::RegionHealth(std::vector<Region> regions, RegionHealthSettings settings, TimePoint now,
                           const std::vector<PersistedEdge>& persisted)
    : regions_(std::move(regions)), settings_(settings), start_(now), now_(now), records_(regions_.size()) {
  for (std::size_t r = 0; r < regions_.size(); ++r) {
    for (const shared::IpAddress& address : regions_[r].edges) {
      HealthState state = HealthState::unknown;
      for (const PersistedEdge& edge : persisted) {
        if (edge.region == regions_[r].name && edge.address == address) state = edge.state;
      }
      records_[r].edges.push_back({ProbedEdge(state), std::nullopt});
    }
  }
  (void)refresh(now);
}

RegionHealth::RegionHealth(std::vector<Region> regions, RegionHealthSettings settings, TimePoint now,
                           const RegionHealth& before)
    : RegionHealth(std::move(regions), settings, now, std::vector<PersistedEdge>{}) {
  start_ = before.start_;
  isolation_ = before.isolation_;
  for (std::size_t r = 0; r < regions_.size(); ++r) {
    for (std::size_t old = 0; old < before.regions_.size(); ++old) {
      if (before.regions_[old].name == regions_[r].name) adopt(r, before, old);
    }
  }
  (void)refresh(now);
}

void RegionHealth::adopt(std::size_t region, const RegionHealth& before, std::size_t old) {
  RegionRecord& record = records_[region];
  record.forced = before.records_[old].forced;
  record.lost_at = before.records_[old].lost_at;
  for (std::size_t i = 0; i < record.edges.size(); ++i) {
    const auto& addresses = before.regions_[old].edges;
    const auto found = std::ranges::find(addresses, regions_[region].edges[i]);
    if (found == addresses.end()) continue;
    record.edges[i] = before.records_[old].edges[static_cast<std::size_t>(found - addresses.begin())];
  }
  if (regions_[region].edges != before.regions_[old].edges) return;
  record.drained = before.records_[old].drained;
  record.drained_at = before.records_[old].drained_at;
}

bool RegionHealth::observe(EdgeId edge, EdgeOutcome outcome, TimePoint now) {
  edge_at(edge).probed.observe(outcome, now, settings_.of_edges());
  return refresh(now);
}

bool RegionHealth::set_override(RegionId region, Override override, TimePoint now) {
  RegionRecord& record = records_[index_of(region)];
  for (EdgeRecord& edge : record.edges) {
    if (override.state == Override::State::up) edge.probed.forgive();
  }
  if (!override.since) override.since = now;
  record.forced = std::move(override);
  return refresh(now);
}

bool RegionHealth::set_override(EdgeId edge, Override override, TimePoint now) {
  EdgeRecord& record = edge_at(edge);
  if (override.state == Override::State::up) record.probed.forgive();
  if (!override.since) override.since = now;
  record.forced = std::move(override);
  return refresh(now);
}

bool RegionHealth::clear_override(RegionId region, TimePoint now) {
  records_[index_of(region)].forced.reset();
  return refresh(now);
}

bool RegionHealth::clear_override(EdgeId edge, TimePoint now) {
  edge_at(edge).forced.reset();
  return refresh(now);
}

bool RegionHealth::advance(TimePoint now) { return refresh(now); }

std::optional<TimePoint> RegionHealth::next_deadline() const {
  std::optional<TimePoint> next = isolation_.until();
  const auto consider = [&](const std::optional<TimePoint>& time) {
    if (time && *time > now_ && (!next || *time < *next)) next = time;
  };
  for (const RegionRecord& record : records_) {
    if (record.forced) consider(record.forced->expires);
    if (std::ranges::find(record.drained, true) != record.drained.end()) {
      consider(record.drained_at + settings_.drain_settles);
    }
    for (const EdgeRecord& edge : record.edges) {
      if (edge.forced) consider(edge.forced->expires);
      consider(edge.probed.hold_down().until(now_));
    }
  }
  return next;
}

bool RegionHealth::ready(TimePoint now) const {
  if (now >= start_ + settings_.start_wait) return true;
  return std::ranges::all_of(records_, [](const RegionRecord& record) {
    return std::ranges::all_of(record.edges, [](const EdgeRecord& edge) { return edge.probed.machine().verified(); });
  });
}

HealthState RegionHealth::probed(EdgeId edge) const { return edge_at(edge).probed.machine().state(); }
bool RegionHealth::draining(EdgeId edge) const { return edge_at(edge).probed.draining(); }
const std::optional<Override>& RegionHealth::override_of(RegionId region) const {
  return records_[index_of(region)].forced;
}
const std::optional<Override>& RegionHealth::override_of(EdgeId edge) const { return edge_at(edge).forced; }

std::vector<PersistedEdge> RegionHealth::persist() const {
  std::vector<PersistedEdge> out;
  for (std::size_t r = 0; r < regions_.size(); ++r) {
    for (std::size_t i = 0; i < records_[r].edges.size(); ++i) {
      out.push_back({regions_[r].name, regions_[r].edges[i], records_[r].edges[i].probed.machine().state()});
    }
  }
  return out;
}

// Folds everything into a new view; true if it differs from the one before.
bool RegionHealth::refresh(TimePoint now) {
  now_ = now;
  expire();
  HealthView fresh = look(Sight::probed);
  note_losses(fresh);
  judge_isolation(fresh);
  if (holding()) fresh = look(Sight::shown);
  note_drains(fresh);
  if (fresh == view_) return false;
  view_ = std::move(fresh);
  return true;
}

void RegionHealth::expire() {
  const auto drop = [this](std::optional<Override>& forced) {
    if (forced && forced->expires && *forced->expires <= now_) forced.reset();
  };
  for (RegionRecord& record : records_) {
    drop(record.forced);
    for (EdgeRecord& edge : record.edges) drop(edge.forced);
  }
}

HealthView RegionHealth::look(Sight sight) const {
  HealthView view;
  for (std::size_t r = 0; r < regions_.size(); ++r) view.regions.push_back(look(r, sight));
  return view;
}

RegionView RegionHealth::look(std::size_t region, Sight sight) const {
  const RegionRecord& record = records_[region];
  RegionView view;
  bool flips = false;
  bool remembered = false;
  bool kept = false;
  for (const EdgeRecord& edge : record.edges) {
    const shared::HealthMachine& machine = edge.probed.machine();
    EdgeState state = sight == Sight::shown ? edge.probed.shown(now_) : edge.probed.state(now_);
    if (edge.forced) state = state_of(edge.forced->state);
    view.edges.push_back(state);
    if (edge.forced) continue;
    flips = flips || machine.flip_pending();
    remembered = remembered || (!machine.verified() && machine.state() != HealthState::unknown);
    kept = kept || (sight == Sight::shown && edge.probed.kept());
  }
  const auto some = [&](EdgeState state) { return std::ranges::find(view.edges, state) != view.edges.end(); };
  const bool unsettled = flips || remembered || kept || some(EdgeState::unknown) || some(EdgeState::held_down);
  const bool unprobed = record.edges.empty() && regions_[region].cname.has_value();
  if (unprobed) view.edges.push_back(EdgeState::up);
  if (record.forced) force(regions_[region], record.forced->state, view.edges);
  view.forced = record.forced.has_value();
  view.pressure = unsettled && !view.forced;
  view.note = note_of(view.edges);
  for (std::size_t i = 0; i < record.edges.size(); ++i) {
    if (record.edges[i].forced) view.note += ", " + by_operator(*record.edges[i].forced, regions_[region].edges[i]);
  }
  if (record.forced) {
    view.note += ", " + by_operator(*record.forced);
  } else if (unprobed) {
    view.note += ", nobody probes it";
  } else if (kept) {
    view.note += ", as before the silence: no region can be heard, so this node suspects itself";
  } else if (flips) {
    view.note += ", and its probes begin to say otherwise";
  } else if (remembered) {
    view.note += ", as before the restart: not probed since";
  }
  return view;
}

// Since when each region that the operator left alone has had no edge that serves.
void RegionHealth::note_losses(const HealthView& probed) {
  for (std::size_t r = 0; r < regions_.size(); ++r) {
    RegionRecord& record = records_[r];
    if (serves(probed.regions[r]) || record.forced) {
      record.lost_at.reset();
    } else if (!record.lost_at) {
      record.lost_at = now_;
    }
  }
}

Losses RegionHealth::losses(const HealthView& probed) const {
  Losses out;
  out.all = std::ranges::none_of(probed.regions, serves);
  std::optional<TimePoint> silent;
  std::optional<TimePoint> heard;
  for (const RegionRecord& record : records_) {
    for (const EdgeRecord& edge : record.edges) {
      silent = std::max(silent, edge.probed.silent_since());
      heard = std::max(heard, edge.probed.heard_at());
    }
    if (record.edges.empty() || !record.lost_at) continue;
    out.first = out.first ? std::min(*out.first, *record.lost_at) : *record.lost_at;
    out.last = std::max(out.last, record.lost_at);
  }
  out.unheard = silent && (!heard || *heard <= *silent);
  return out;
}

template <class Visit>
void RegionHealth::for_each_edge(Visit visit) {
  for (RegionRecord& record : records_) {
    for (EdgeRecord& edge : record.edges) visit(edge.probed);
  }
}

void RegionHealth::judge_isolation(const HealthView& probed) {
  switch (isolation_.judge(losses(probed), {settings_.isolation_window, settings_.isolation_hold}, now_)) {
    case Isolation::Verdict::trusts_itself:
      return;
    case Isolation::Verdict::begins:
      for_each_edge([this](ProbedEdge& edge) {
        if (edge.silenced_since(now_ - settings_.isolation_window)) edge.keep();
      });
      break;
    case Isolation::Verdict::lasts:
      break;
    case Isolation::Verdict::ends:
      for_each_edge([](ProbedEdge& edge) { edge.release(); });
      return;
  }
  // Nothing was ever seen to serve, or all of it has been heard to be ill.
  bool some = false;
  for_each_edge([&some](const ProbedEdge& edge) { some = some || edge.kept(); });
  if (!some) isolation_.give_up();
}

// A drain has to reach those who have an answer from before it; then nothing is about to change any more.
void RegionHealth::note_drains(HealthView& fresh) {
  for (std::size_t r = 0; r < regions_.size(); ++r) {
    RegionRecord& record = records_[r];
    std::vector<bool> drained;
    for (const EdgeState edge : fresh.regions[r].edges) drained.push_back(edge == EdgeState::drained);
    if (drained != record.drained) {
      record.drained = std::move(drained);
      record.drained_at = now_;
    }
    const bool some = std::ranges::find(record.drained, true) != record.drained.end();
    if (some && now_ < record.drained_at + settings_.drain_settles) fresh.regions[r].pressure = true;
  }
}

}  // namespace dns
