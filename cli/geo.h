#pragma once
// `meridian geo lookup`: what a geo database says about an address.

#include "cli/command.h"

namespace cli {

[[nodiscard]] Command geo_command(shared::Parser parent);

}  // namespace cli
