#pragma once
// `meridian logs reopen`: has running servers open their log files again, after a rotation.

#include "cli/command.h"

namespace cli {

[[nodiscard]] Command logs_command(shared::Parser parent);

}  // namespace cli
