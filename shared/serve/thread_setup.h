#pragma once
// What every thread that we start does first: take its name, and leave signals to the main thread. Called on the thread
// itself.

#include <string>

namespace shared {

// The name is cut to the 15 bytes that Linux keeps.
void begin_thread(const std::string& name);

}  // namespace shared
