#pragma once
// What every thread that we start does first: take its name, leave signals to the main thread and, if it is a worker's,
// stay on its core. Called on the thread itself.

#include <optional>
#include <string>

namespace shared {

// The name is cut to the 15 bytes that Linux keeps. A core that we may not use is logged and the thread left free.
void begin_thread(const std::string& name, std::optional<unsigned> core = std::nullopt);

}  // namespace shared
