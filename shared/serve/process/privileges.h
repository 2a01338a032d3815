#pragma once
// Privileges: what this process may do for the rest of its life, given up before the first byte of a stranger is read.
//
//   root, `user` configured   its state directory given to that user; then that user and its groups, no capability but
//                             CAP_NET_BIND_SERVICE, no other ever again (bounding set)
//   root, no user             the same with the user `meridian`, if this machine has it; else refused
//   root, `user: root`        stays root, and says so; likewise without `user` where the environment has
//                             MERIDIAN_ALLOW_ROOT=1, as demos and tests do
//   not root                  no capability but CAP_NET_BIND_SERVICE, if it had it (AmbientCapabilities=)
//   all                       no core dump, no debugger of the same user, no-new-privileges, and the filter of system
//                             calls (system_calls.h)
//
// Called once by main, before any other thread is made and before the configuration is built, so that what a start can
// read a reload can read, too. See capabilities(7).

#include <filesystem>
#include <string>

#include "shared/core/mode.h"
#include "shared/core/result.h"

namespace shared {

struct Privileges {
  std::string user;  // empty: whoever we are, but not root
  Mode system_calls = Mode::enforce;
  std::filesystem::path state_directory;  // of this process; made with its parents
};

[[nodiscard]] Result<void> confine(const Privileges& privileges);

}  // namespace shared
