#pragma once
// What the server writes into its state directory for a start after something broke: the last good copy of its files,
// and the geo databases that it accepted. On the Builder; one call at a time.

#include <memory>
#include <optional>
#include <string>

#include "dns/load/geo/geo_memory.h"
#include "dns/load/world/world.h"
#include "shared/core/result.h"
#include "shared/serve/process/state.h"

namespace dns {

// A world that serves, and a newer geo database that does not.
struct Keepsake {
  std::shared_ptr<const World> world;
  std::string config;                         // the file that it began with
  bool files = true;                          // they are good as they are: make them the last good copy
  std::optional<GeoMemory::Waiting> waiting;  // refused by the guard
};

// Both are tried; the error of the first that failed.
[[nodiscard]] shared::Result<void> keep(const shared::StateDirectory& state, const Keepsake& what);

}  // namespace dns
