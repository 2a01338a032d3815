#pragma once
// Healing: what Control does about pools ten times a second: breakers whose open time is over begin to let probes
// through, and a pool with too few fit servers goes into panic; once a second: servers that fail more than the others
// are ejected, and come back, and what a pool may retry is reckoned. Ten times a second, too: what a bounded pool has
// room for, by its servers that are well and by the limit that it adapts. Writes into Live what pick() reads. Control
// loop's thread.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "edge/core/pool/live.h"
#include "edge/core/protect/adaptive_limit.h"
#include "edge/core/protect/ejection.h"
#include "edge/core/snapshot/snapshot.h"
#include "shared/serve/loop/loop.h"

namespace edge {

class Healing {
 public:
  Healing(shared::Loop& loop, Live& live) : live_(live), timer_(loop) {}

  // The pools and addresses from now on; begins the rounds.
  void set(std::shared_ptr<const Snapshot> snapshot);

 private:
  static constexpr shared::milliseconds kTick{100};
  static constexpr unsigned kTicksPerRound = 10;

  void wait();
  void tick(shared::TimePoint now);
  void tell_region();
  void judge(const Pool& pool, shared::TimePoint now);
  void consider_panic(const Pool& pool, shared::TimePoint now);
  void reckon_capacity(const Pool& pool, shared::TimePoint now);
  void tell_all_down(const Pool& pool, bool all_down);

  Live& live_;
  shared::Timer timer_;
  std::shared_ptr<const Snapshot> snapshot_;
  // By name of pool: of its servers, in the order of `keys`. An id can go to another server, which is another tenant.
  using Key = std::pair<ServerId, std::uint32_t>;
  struct Tracks {
    std::vector<Key> keys;
    std::vector<EjectionTrack> tracks;
  };
  std::map<std::string, Tracks> tracks_;
  std::map<PoolSlot, AdaptiveLimit> limits_;
  std::string region_;              // what was last told of it
  std::set<std::string> all_down_;  // names of pools that no check leaves a server
  bool running_ = false;
  unsigned ticks_ = 0;
};

}  // namespace edge
