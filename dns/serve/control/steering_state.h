#pragma once
// What steering remembers through a restart, as the JSON text of its two files in the state directory: what each edge
// was, and what the operator said. Times of expiry are wall time there, since steady time ends with the machine's
// uptime. Pure functions, any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/core/health/region_health.h"
#include "shared/core/result.h"
#include "shared/core/time.h"

namespace dns {

inline constexpr std::string_view kHealthFile = "health.json";
inline constexpr std::string_view kOverridesFile = "overrides.json";

// The operator's word on a region, or on one edge of it. Kept by name, so that a reload may renumber.
struct NamedOverride {
  std::string region;
  std::optional<shared::IpAddress> edge;
  Override::State state{};
  std::string reason;
  std::optional<shared::WallTime> expires;
  std::optional<shared::WallTime> since = std::nullopt;
};

[[nodiscard]] std::string write_health(const std::vector<PersistedEdge>& edges);
[[nodiscard]] shared::Result<std::vector<PersistedEdge>> read_health(std::string_view json);

[[nodiscard]] std::string write_overrides(const std::vector<NamedOverride>& overrides);
[[nodiscard]] shared::Result<std::vector<NamedOverride>> read_overrides(std::string_view json);

}  // namespace dns
