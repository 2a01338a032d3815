#pragma once
// `meridian rollback`: puts the files of the last good configuration back, of which each server keeps a copy in its
// state directory, and has the servers of this machine read them. One thread.

#include "cli/command.h"

namespace cli {

[[nodiscard]] Command rollback_command(shared::Parser parent);

}  // namespace cli
