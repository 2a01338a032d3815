#pragma once
// `meridian what-if`: where the answers would go if a region were down.

#include "cli/command.h"

namespace cli {

[[nodiscard]] Command what_if_command(shared::Parser parent);

}  // namespace cli
