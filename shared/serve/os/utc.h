#pragma once
// utc(): wall time as people and programs read it: "2026-01-01T00:00:00Z". Pure, any thread.

#include <string>

#include "shared/core/time.h"

namespace shared {

[[nodiscard]] std::string utc(WallTime time);

}  // namespace shared
