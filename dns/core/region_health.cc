#include "dns/core/region_health.h"

#include <algorithm>
#include <utility>

namespace dns {
namespace {

using shared::Family;
using shared::HealthState;
using shared::ProbeOutcome;
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

const char* word_of(Override::State forced) {
  switch (forced) {
    case Override::State::up:
      return "up";
    case Override::State::drained:
      return "drained";
    case Override::State::down:
      break;
  }
  return "down";
}

ProbeOutcome probe_outcome(EdgeOutcome outcome) {
  switch (outcome) {
    case EdgeOutcome::success:
    case EdgeOutcome::draining:
      return ProbeOutcome::success;
    case EdgeOutcome::failure:
      return ProbeOutcome::failure;
    case EdgeOutcome::refused:
      break;
  }
  return ProbeOutcome::refused;
}

// A region that is forced up serves even if the probes see none of its edges: then by all of that family.
void force_up(const Region& region, std::vector<EdgeState>& edges) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    const auto of_family = [&](std::size_t i) { return region.edges[i].family == family; };
    bool some = false;
    for (std::size_t i = 0; i < edges.size(); ++i) some = some || (of_family(i) && edges[i] == EdgeState::up);
    for (std::size_t i = 0; i < edges.size() && !some; ++i) {
      if (of_family(i)) edges[i] = EdgeState::up;
    }
  }
}

// A CNAME has no families.
void force_up(std::vector<EdgeState>& edges) {
  if (std::ranges::find(edges, EdgeState::up) == edges.end()) std::ranges::fill(edges, EdgeState::up);
}

void force(const Region& region, Override::State forced, std::vector<EdgeState>& edges) {
  if (forced == Override::State::up && region.cname) return force_up(edges);
  if (forced == Override::State::up) return force_up(region, edges);
  for (EdgeState& edge : edges) {
    if (forced == Override::State::down || edge == EdgeState::up) edge = state_of(forced);
  }
}

// "192.0.2.1 drained by the operator (disk)"; without an edge, of the region.
std::string by_operator(const Override& word, const shared::IpAddress* edge) {
  std::string text = edge == nullptr ? "" : edge->to_string() + " ";
  text += std::string(word_of(word.state)) + " by the operator";
  return word.reason.empty() ? text : text + " (" + word.reason + ")";
}

std::string note_of(const RegionView& view) {
  const auto count = [&](EdgeState state) { return std::ranges::count(view.edges, state); };
  const auto all = static_cast<std::ptrdiff_t>(view.edges.size());
  std::string note;
  if (count(EdgeState::up) == all) {
    note = "up";
  } else if (count(EdgeState::up) > 0) {
    note = std::to_string(count(EdgeState::up)) + " of " + std::to_string(all) + " edges up";
  } else {
    note = count(EdgeState::drained) > 0 ? "drained" : "down";
  }
  return note;
}

}  // namespace

RegionHealth::RegionHealth(std::vector<Region> regions, RegionHealthSettings settings, TimePoint now,
                           const std::vector<PersistedEdge>& persisted)
    : regions_(std::move(regions)), settings_(settings), start_(now), records_(regions_.size()) {
  for (std::size_t r = 0; r < regions_.size(); ++r) {
    for (const shared::IpAddress& address : regions_[r].edges) {
      HealthState state = HealthState::unknown;
      for (const PersistedEdge& edge : persisted) {
        if (edge.region == regions_[r].name && edge.address == address) state = edge.state;
      }
      records_[r].edges.push_back({shared::HealthMachine(state), false, std::nullopt});
    }
    records_[r].last_serving = look(r);
  }
  (void)refresh(now);
}

RegionHealth::RegionHealth(std::vector<Region> regions, RegionHealthSettings settings, TimePoint now,
                           const RegionHealth& before)
    : RegionHealth(std::move(regions), settings, now, std::vector<PersistedEdge>{}) {
  start_ = before.start_;
  hold_until_ = before.hold_until_;
  hold_spent_ = before.hold_spent_;
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
  const bool same_edges = regions_[region].edges == before.regions_[old].edges;
  record.last_serving = same_edges ? before.records_[old].last_serving : look(region);
}

bool RegionHealth::observe(EdgeId edge, EdgeOutcome outcome, TimePoint now) {
  EdgeRecord& record = edge_at(edge);
  (void)record.machine.observe(probe_outcome(outcome), settings_.edge);
  if (outcome == EdgeOutcome::draining) record.draining = true;
  if (outcome == EdgeOutcome::success) record.draining = false;
  return refresh(now);
}

bool RegionHealth::set_override(RegionId region, Override override, TimePoint now) {
  records_[index_of(region)].forced = std::move(override);
  return refresh(now);
}

bool RegionHealth::set_override(EdgeId edge, Override override, TimePoint now) {
  edge_at(edge).forced = std::move(override);
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
  std::optional<TimePoint> next = hold_until_;
  const auto consider = [&](const std::optional<Override>& forced) {
    if (!forced || !forced->expires) return;
    if (!next || *forced->expires < *next) next = forced->expires;
  };
  for (const RegionRecord& record : records_) {
    consider(record.forced);
    for (const EdgeRecord& edge : record.edges) consider(edge.forced);
  }
  return next;
}

bool RegionHealth::ready(TimePoint now) const {
  if (now >= start_ + settings_.start_wait) return true;
  return std::ranges::all_of(records_, [](const RegionRecord& record) {
    return std::ranges::all_of(record.edges, [](const EdgeRecord& edge) { return edge.machine.verified(); });
  });
}

HealthState RegionHealth::probed(EdgeId edge) const { return edge_at(edge).machine.state(); }
bool RegionHealth::draining(EdgeId edge) const { return edge_at(edge).draining; }
const std::optional<Override>& RegionHealth::override_of(RegionId region) const {
  return records_[index_of(region)].forced;
}
const std::optional<Override>& RegionHealth::override_of(EdgeId edge) const { return edge_at(edge).forced; }

std::vector<PersistedEdge> RegionHealth::persist() const {
  std::vector<PersistedEdge> out;
  for (std::size_t r = 0; r < regions_.size(); ++r) {
    for (std::size_t i = 0; i < records_[r].edges.size(); ++i) {
      out.push_back({regions_[r].name, regions_[r].edges[i], records_[r].edges[i].machine.state()});
    }
  }
  return out;
}

// Folds everything into a new view; true if it differs from the one before.
bool RegionHealth::refresh(TimePoint now) {
  expire(now);
  HealthView fresh;
  for (std::size_t r = 0; r < regions_.size(); ++r) fresh.regions.push_back(look(r));
  note_losses(fresh, now);
  decide_hold(now);
  if (holding()) show_last(fresh);
  if (fresh == view_) return false;
  view_ = std::move(fresh);
  return true;
}

void RegionHealth::expire(TimePoint now) {
  const auto drop = [now](std::optional<Override>& forced) {
    if (forced && forced->expires && *forced->expires <= now) forced.reset();
  };
  for (RegionRecord& record : records_) {
    drop(record.forced);
    for (EdgeRecord& edge : record.edges) drop(edge.forced);
  }
}

RegionView RegionHealth::look(std::size_t region) const {
  const RegionRecord& record = records_[region];
  RegionView view;
  bool pending = false;
  for (const EdgeRecord& edge : record.edges) {
    EdgeState state = edge.draining ? EdgeState::drained : EdgeState::up;
    if (edge.machine.state() == HealthState::down) state = EdgeState::down;
    if (edge.forced) state = state_of(edge.forced->state);
    pending = pending || (!edge.forced && edge.machine.flip_pending());
    view.edges.push_back(state);
  }
  if (record.edges.empty() && regions_[region].cname) view.edges.push_back(EdgeState::up);  // nobody probes it
  if (record.forced) force(regions_[region], record.forced->state, view.edges);
  view.forced = record.forced.has_value();
  const bool drains = std::ranges::find(view.edges, EdgeState::drained) != view.edges.end();
  view.pressure = drains || (pending && !view.forced);
  view.note = note_of(view);
  for (std::size_t i = 0; i < record.edges.size(); ++i) {
    if (record.edges[i].forced) view.note += ", " + by_operator(*record.edges[i].forced, &regions_[region].edges[i]);
  }
  if (record.forced) {
    view.note += ", " + by_operator(*record.forced, nullptr);
  } else if (pending) {
    view.note += ", and its probes begin to say otherwise";
  }
  return view;
}

// Since when each region that the operator left alone has had no edge that serves.
void RegionHealth::note_losses(const HealthView& fresh, TimePoint now) {
  for (std::size_t r = 0; r < regions_.size(); ++r) {
    RegionRecord& record = records_[r];
    if (serves(fresh.regions[r]) && !record.forced) record.last_serving = fresh.regions[r];
    if (serves(fresh.regions[r]) || record.forced) {
      record.lost_at.reset();
    } else if (!record.lost_at) {
      record.lost_at = now;
    }
  }
}

void RegionHealth::decide_hold(TimePoint now) {
  std::optional<TimePoint> first;
  std::optional<TimePoint> last;
  bool all_lost = true;
  for (std::size_t r = 0; r < regions_.size(); ++r) {
    const RegionRecord& record = records_[r];
    if (record.forced || record.edges.empty()) continue;
    all_lost = all_lost && record.lost_at.has_value();
    if (!record.lost_at) continue;
    first = first ? std::min(*first, *record.lost_at) : *record.lost_at;
    last = last ? std::max(*last, *record.lost_at) : *record.lost_at;
  }
  if (!all_lost || !first) {
    hold_until_.reset();
    hold_spent_ = false;
    return;
  }
  if (!hold_spent_ && *last - *first <= settings_.isolation_window) hold_until_ = now + settings_.isolation_hold;
  hold_spent_ = true;
  if (hold_until_ && now >= *hold_until_) hold_until_.reset();
}

void RegionHealth::show_last(HealthView& fresh) const {
  for (std::size_t r = 0; r < regions_.size(); ++r) {
    if (records_[r].forced) continue;
    fresh.regions[r] = records_[r].last_serving;
    fresh.regions[r].pressure = true;
    fresh.regions[r].note += ", as last seen: every region was lost at once, so this node suspects itself";
  }
}

}  // namespace dns
