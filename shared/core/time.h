#pragma once
// Time is an argument: core takes `now`, it never reads a clock. Steady time for intervals and deadlines; wall time
// only where a person or a protocol wants it (logs, cookies). Value types, any thread.

#include <chrono>

namespace shared {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;
using WallTime = std::chrono::system_clock::time_point;

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

}  // namespace shared
