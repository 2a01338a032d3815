#pragma once
// `meridian drain` and `meridian undrain`: the operator's word on a region or an edge, told to one DNS node. It beats
// the probe, survives a restart, and ends when it expires or is taken back.

#include "cli/command.h"

namespace cli {

[[nodiscard]] Command drain_command(shared::Parser parent);
[[nodiscard]] Command undrain_command(shared::Parser parent);

}  // namespace cli
