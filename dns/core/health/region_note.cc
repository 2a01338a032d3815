#include "dns/core/health/region_note.h"

#include <algorithm>

namespace dns {

std::string note_of(const std::vector<EdgeState>& edges) {
  const auto count = [&](EdgeState state) { return std::ranges::count(edges, state); };
  const auto all = static_cast<std::ptrdiff_t>(edges.size());
  if (count(EdgeState::up) == all) return "up";
  if (count(EdgeState::up) > 0) {
    std::string note = std::to_string(count(EdgeState::up)) + " of " + std::to_string(all) + " edges up";
    if (count(EdgeState::unknown) > 0) note += ", " + std::to_string(count(EdgeState::unknown)) + " not probed yet";
    if (count(EdgeState::held_down) > 0) note += ", " + std::to_string(count(EdgeState::held_down)) + " held down";
    return note;
  }
  if (count(EdgeState::unknown) > 0) return "not probed yet";
  if (count(EdgeState::held_down) > 0) return "held down: well again, but it has fallen too often lately";
  return count(EdgeState::drained) > 0 ? "drained" : "down";
}

std::string by_operator(const Override& word) {
  const std::string text = std::string(to_string(word.state)) + " by the operator";
  return word.reason.empty() ? text : text + " (" + word.reason + ")";
}

std::string by_operator(const Override& word, const shared::IpAddress& edge) {
  return edge.to_string() + " " + by_operator(word);
}

}  // namespace dns
