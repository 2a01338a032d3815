#pragma once
// `meridian check`: reads a configuration as both servers do, with every file that it names, and tells all that is
// wrong.

#include "cli/command.h"

namespace cli {

[[nodiscard]] Command check_command(shared::Parser parent);

}  // namespace cli
