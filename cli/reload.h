#pragma once
// `meridian reload`: has a running server read its configuration again, all or nothing.

#include "cli/command.h"

namespace cli {

[[nodiscard]] Command reload_command(shared::Parser parent);

}  // namespace cli
