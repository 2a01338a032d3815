#pragma once
// Watchdog: tells the service manager that all is well, as long as every worker's own loop turns. A worker that hangs
// is found because its heartbeat stands still; then nothing is sent any more, and the manager restarts us. A control
// loop that hangs sends nothing either. Owned by the server, control loop.

#include <cstdint>
#include <functional>
#include <vector>

#include "shared/core/heartbeats.h"
#include "shared/core/time.h"
#include "shared/serve/loop/loop.h"

namespace shared {

class Watchdog {
 public:
  using Counts = std::function<std::vector<std::uint64_t>()>;  // heartbeats, one of each worker

  // Begins at once, where the manager has asked for it (WATCHDOG_USEC).
  Watchdog(Loop& loop, Counts counts);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void check();

  Counts counts_;
  Timer timer_;
  Heartbeats heartbeats_;
  Duration timeout_{};
  bool well_ = true;
};

}  // namespace shared
