#pragma once
// `meridian status`: what a running server thinks: its /status, for a person or as JSON.

#include "cli/command.h"

namespace cli {

[[nodiscard]] Command status_command(shared::Parser parent);

}  // namespace cli
