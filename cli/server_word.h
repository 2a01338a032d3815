#pragma once
// `meridian enable` and `meridian weight`: the operator's word on one server of a pool, told to one edge or several. It
// holds over reloads and restarts of the edge until it is taken back. `meridian drain --pool` stands in override.h.

#include "cli/command.h"

namespace cli {

[[nodiscard]] Command enable_command(shared::Parser parent);
[[nodiscard]] Command weight_command(shared::Parser parent);

}  // namespace cli
