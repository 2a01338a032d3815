#pragma once
// Mode: the switch that every protective policy (limit, breaker, ejection, ACL, RRL) carries. `shadow` counts what it
// would have done and does nothing.

#include <cstdint>
#include <string_view>

namespace shared {

enum class Mode : std::uint8_t { enforce, shadow, disabled };

[[nodiscard]] constexpr std::string_view name_of(Mode mode) {
  constexpr std::string_view kNames[] = {"enforce", "shadow", "disabled"};
  return kNames[static_cast<std::uint8_t>(mode)];
}

}  // namespace shared
