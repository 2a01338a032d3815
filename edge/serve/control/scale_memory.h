#pragma once
// ScaleMemory: what pools were scaled to, for the process that goes on after this one: told to a successor, and kept in
// the state directory for a restart. Value type; control loop.
//
//   {"at":1764460860,"pools":{"api":{"desired":7,"decided":1764460800,"reason":"cpu 84 %, target 70 %"}}}

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "shared/core/result.h"

namespace edge {

struct ScaleMemory {
  // After a longer absence others have scaled, or the load is another one.
  static constexpr std::int64_t kLongest = 600;  // seconds

  struct Pool {
    std::uint32_t desired = 0;
    std::int64_t decided = 0;  // seconds since 1970, as `at`
    std::string reason;

    bool operator==(const Pool&) const = default;
  };
  std::int64_t at = 0;  // when this was so
  std::map<std::string, Pool> pools;

  [[nodiscard]] bool fresh(std::int64_t now) const { return at <= now && now - at <= kLongest; }
  [[nodiscard]] std::string to_json() const;  // one line
  [[nodiscard]] static shared::Result<ScaleMemory> parse(std::string_view text);

  bool operator==(const ScaleMemory&) const = default;
};

}  // namespace edge
