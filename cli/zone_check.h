#pragma once
// `meridian zone check ZONE`: asks the servers of a zone what a registry's tool will ask, and says what to send to the
// registrar. Real queries, one after the other, with a deadline each. One thread.

#include "cli/command.h"

namespace cli {

[[nodiscard]] Command zone_command(shared::Parser parent);

}  // namespace cli
