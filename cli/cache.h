#pragma once
// `meridian cache`: what the caches of running edges hold, and purging them.

#include "cli/command.h"

namespace cli {

[[nodiscard]] Command cache_command(shared::Parser parent);

}  // namespace cli
