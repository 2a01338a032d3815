#include "edge/core/pool/slow_start.h"

#include <set>

namespace edge {

void start_slowly(const Pools& before, const Pools& after, Live& live, shared::TimePoint now) {
  for (const Pool& pool : after.all()) {
    const Pool* const old = before.find(pool.name);
    if (pool.slow_start.count() == 0 || old == nullptr || old->servers.empty()) continue;
    std::set<ServerId> known;
    for (const Server& server : old->servers) known.insert(server.id);
    for (const Server& server : pool.servers) {
      if (!known.contains(server.id)) live.server(server.id).state.set_slow_start(now);
    }
  }
}

}  // namespace edge
