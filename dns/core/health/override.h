#pragma once
// Override: the operator's word on a region or on one edge of it. It beats what probes say. A value; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/core/time.h"

namespace dns {

struct Override {
  enum class State : std::uint8_t { up, down, drained };
  State state = State::down;
  std::string reason;
  std::optional<shared::TimePoint> expires;
  std::optional<shared::TimePoint> since = std::nullopt;  // when it was said; absent: not known
};

// "up", "drained", "down"
[[nodiscard]] std::string_view to_string(Override::State state);
[[nodiscard]] std::optional<Override::State> parse_override_state(std::string_view text);

}  // namespace dns
