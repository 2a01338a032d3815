#pragma once
// Mode: the switch that every protective policy (limit, breaker, ejection, ACL, RRL) carries. `shadow` counts what it
// would have done and does nothing.

#include <cstdint>

namespace shared {

enum class Mode : std::uint8_t { enforce, shadow, disabled };

}  // namespace shared
