#pragma once
// load_admin_key(): the key of changes over the TCP admin port, from its file: one line. What stands there is never
// told in a message. Pure but for the file; any thread.

#include <filesystem>
#include <string>

#include "shared/load/diagnostics.h"
#include "shared/load/reader.h"

namespace shared::load {

inline constexpr std::size_t kShortestAdminKey = 16;

// Empty, with an error, when the file holds none; a warning when others than its owner and group can read it.
[[nodiscard]] std::string load_admin_key(const Located<std::filesystem::path>& file, Diagnostics& diagnostics);

}  // namespace shared::load
