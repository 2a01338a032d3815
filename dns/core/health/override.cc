#include "dns/core/health/override.h"

namespace dns {

std::string_view to_string(Override::State state) {
  switch (state) {
    case Override::State::up:
      return "up";
    case Override::State::drained:
      return "drained";
    case Override::State::down:
      break;
  }
  return "down";
}

std::optional<Override::State> parse_override_state(std::string_view text) {
  for (const auto state : {Override::State::up, Override::State::down, Override::State::drained}) {
    if (text == to_string(state)) return state;
  }
  return std::nullopt;
}

}  // namespace dns
