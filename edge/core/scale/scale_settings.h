#pragma once
// ScaleSettings: how many servers a pool shall have (docs/scaling.md). Immutable, part of the pool; any thread.

#include <cstdint>
#include <optional>
#include <string>

#include "shared/core/time.h"

namespace edge {

enum class ScaleMode : std::uint8_t {
  dry_run,  // it is only told, in /status and metrics
  on,       // whoever starts servers is called
};

struct ScaleSettings {
  // Of the load that it aims at, a server under this much of it, for the whole window, is one too many.
  static constexpr double kIdleCpu = 0.5;
  static constexpr double kIdleInFlight = 0.3;

  ScaleMode mode = ScaleMode::dry_run;
  std::uint32_t min = 1;
  std::uint32_t max = 1;
  std::optional<double> cpu;               // percent, the mean of the servers
  std::string cpu_field = "cpu_usage";     // where a check's answer has it
  std::optional<double> in_flight;         // requests and connections, for each server
  shared::milliseconds start_time{60000};  // from a call to the new server's first request
  shared::milliseconds window{300000};     // so long too little is asked of the servers before some go
  shared::milliseconds up_cooldown{15000};
  shared::milliseconds down_cooldown{300000};  // after any change
};

}  // namespace edge
