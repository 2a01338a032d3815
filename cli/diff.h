#pragma once
// `meridian diff`: which answers another configuration would move.

#include "cli/command.h"

namespace cli {

[[nodiscard]] Command diff_command(shared::Parser parent);

}  // namespace cli
