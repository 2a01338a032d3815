#pragma once
// `meridian config-reference`: prints docs/configuration.md.

#include "cli/command.h"

namespace cli {

[[nodiscard]] Command config_reference_command(shared::Parser parent);

}  // namespace cli
