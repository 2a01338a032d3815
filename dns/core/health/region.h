#pragma once
// Region: a place that serves, with the addresses of its edges. RegionId is its index in the configuration's order and
// is stable within one build. Value types, any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dns/core/wire/name.h"
#include "shared/core/ip.h"

namespace dns {

enum class RegionId : std::uint16_t {};

[[nodiscard]] constexpr std::size_t index_of(RegionId id) { return static_cast<std::size_t>(id); }

// Degrees, WGS 84: north and east are positive.
struct Location {
  double latitude = 0;
  double longitude = 0;
  auto operator<=>(const Location&) const = default;
};

// Great-circle distance in kilometres (haversine, mean earth radius).
[[nodiscard]] double distance_km(const Location& from, const Location& to);

struct Region {
  std::string name;
  std::optional<Location> location;
  std::vector<shared::IpAddress> edges;  // both families may occur
  // Somebody else's platform: its clients are given this CNAME. `edges` are then where it is probed, never answered.
  std::optional<Name> cname = std::nullopt;
};

// An edge: the `index`-th address of its region.
struct EdgeId {
  RegionId region{};
  std::uint16_t index = 0;
  auto operator<=>(const EdgeId&) const = default;
};

}  // namespace dns
