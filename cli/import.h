#pragma once
// `meridian import octodns FILE...` and `meridian import gdnsd DIR`: from other servers' steering to a configuration
// and zone files of ours, with a report of what did not map. One thread.

#include "cli/command.h"

namespace cli {

[[nodiscard]] Command import_command(shared::Parser parent);

}  // namespace cli
