#pragma once
// `meridian explain`: how a client's question is answered and why: from a configuration, with every region up, or from
// a running server with the health that it sees.

#include "cli/command.h"

namespace cli {

[[nodiscard]] Command explain_command(shared::Parser parent);

}  // namespace cli
