#pragma once
// The service manager's protocol, sd_notify(3): one datagram to NOTIFY_SOCKET, nothing where there is none; and what it
// tells us by the environment. Any thread.

#include <optional>
#include <span>
#include <vector>

#include "shared/core/time.h"
#include "shared/serve/os/unique_fd.h"

namespace shared {

void notify_ready();      // READY=1: started, or reloaded
void notify_reloading();  // RELOADING=1 with MONOTONIC_USEC; the Supervisor sends it before on_reload
void notify_stopping();   // STOPPING=1; sent before on_stop
void notify_watchdog();   // WATCHDOG=1: all is well

// WATCHDOG_USEC: kills us when it hears nothing for so long. Nothing: no watchdog, or one for another process.
[[nodiscard]] std::optional<Duration> watchdog_timeout();

// The listening sockets that the manager shall keep and give back to the next process, also after a crash, in place of
// those that it keeps now (FDSTORE=1; it needs FileDescriptorStoreMax= in the unit).
void notify_store(std::span<const int> descriptors);

// LISTEN_FDS, sd_listen_fds(3): sockets of a socket unit, and what notify_store() has stored. Once: the environment is
// cleared.
[[nodiscard]] std::vector<UniqueFd> descriptors_of_manager();

}  // namespace shared
