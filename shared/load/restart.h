#pragma once
// What a running server cannot change: the one list of the common sections, for both servers, and the one way to say
// it. Each role adds its own (dns/serve/control/server.cc, edge/serve/control/world.cc); docs/operations.md has the
// whole list.

#include <string>
#include <vector>

#include "shared/load/config.h"

namespace shared::load {

// The options that differ, as they are written: "state_directory".
[[nodiscard]] std::vector<std::string> changed_for_good(const Config& before, const Config& after, Role role);

// "edge.listen: a change needs a restart"
[[nodiscard]] std::string needs_restart(const std::string& option);

}  // namespace shared::load
