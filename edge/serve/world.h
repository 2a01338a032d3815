#pragma once
// World: a configuration as read, checked and built for this edge; what start and reload make, all or nothing. The
// Builder's thread makes it (the main thread at start), Control keeps the present one.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/core/live.h"
#include "edge/load/build.h"
#include "edge/load/config.h"
#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/load/config.h"
#include "shared/load/diagnostics.h"

namespace edge {

struct Options {
  std::string config;
  std::string region;  // empty: the one that `node` belongs to
  std::string node;    // this edge's address; empty: the region's only one
};

struct World {
  shared::load::Config config;
  EdgeConfig edge;
  shared::IpAddress node;
  Built built;
};

// Nothing, with the reasons in `diagnostics`, when anything is wrong. Makes room in `live` for the servers.
struct WorldMaker {
  Options options;
  Live& live;
  ServerIds ids;
  std::uint64_t key_seed = 0;

  [[nodiscard]] std::optional<World> make(shared::load::Diagnostics& diagnostics);
};

// What differs and cannot change while the process runs: "edge.listen", "edge.workers" ... Empty: nothing.
[[nodiscard]] std::string needs_restart(const World& before, const World& after);

}  // namespace edge
