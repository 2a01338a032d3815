#include "dns/core/health/health_view.h"

namespace dns {

std::string_view to_string(EdgeState state) {
  switch (state) {
    case EdgeState::up:
      return "up";
    case EdgeState::unknown:
      return "unknown";
    case EdgeState::held_down:
      return "held_down";
    case EdgeState::drained:
      return "drained";
    case EdgeState::down:
      break;
  }
  return "down";
}

std::optional<EdgeState> parse_edge_state(std::string_view text) {
  for (const auto state :
       {EdgeState::up, EdgeState::unknown, EdgeState::held_down, EdgeState::drained, EdgeState::down}) {
    if (text == to_string(state)) return state;
  }
  return std::nullopt;
}

HealthView HealthView::all_up(const std::vector<Region>& regions) {
  HealthView view;
  for (const Region& region : regions) {
    RegionView seen;
    const bool unprobed = region.cname && region.edges.empty();
    seen.edges.assign(unprobed ? 1 : region.edges.size(), EdgeState::up);
    seen.note = "up";
    view.regions.push_back(std::move(seen));
  }
  return view;
}

}  // namespace dns
