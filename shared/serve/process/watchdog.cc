#include "shared/serve/process/watchdog.h"

#include <utility>

#include "shared/serve/os/log.h"
#include "shared/serve/process/notify.h"

namespace shared {
namespace {

// sd_watchdog_enabled(3) wants a sign every half of the time; twice as often, so that a late one is no trouble.
constexpr int kSigns = 4;

}  // namespace

Watchdog::Watchdog(Loop& loop, Counts counts) : counts_(std::move(counts)), timer_(loop) {
  const auto timeout = watchdog_timeout();
  if (!timeout) return;
  timeout_ = *timeout;
  check();
}

void Watchdog::check() {
  const auto hangs = heartbeats_.stuck(counts_(), Clock::now(), timeout_ / 2);
  if (hangs && well_) log_event(Level::error, "worker_hangs", {{"worker", *hangs}});
  well_ = !hangs;
  if (well_) notify_watchdog();
  timer_.expires_after(timeout_ / kSigns);
  timer_.async_wait([this](error_code error) {
    if (!error) check();
  });
}

}  // namespace shared
