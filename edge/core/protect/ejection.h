#pragma once
// Passive ejection: servers that fail more than the others of their pool are left out for a while, by what real
// requests say. judge() looks at one pool once a round (a second) and decides; its caller, the control loop, writes the
// result into Live. Two rules: `consecutive` failures in a row, and an error rate over the window that is above both
// `error_rate` and the rate of the pool's other servers by `margin`: trouble that all servers share ejects nobody. At
// most `max_ejected` of the pool are out at a time. Pure: no clock, no Live.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "shared/core/mode.h"
#include "shared/core/time.h"

namespace edge {

struct EjectionSettings {
  shared::Mode mode = shared::Mode::enforce;
  std::uint16_t consecutive = 10;   // 0: not a reason
  double error_rate = 0.3;          // of a server's requests in the window
  double margin = 0.2;              // above the rate of the others
  std::uint32_t min_requests = 20;  // of a server in the window: fewer say nothing
  shared::milliseconds window{10000};
  shared::milliseconds time{30000};  // out for so long, times the number of ejections in a row
  shared::milliseconds max_time{300000};
  double max_ejected = 0.5;  // share of the pool
};

// What a server has done since it was first seen; only ever grows, but for `in_a_row`.
struct ServerTotals {
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;
  std::uint32_t in_a_row = 0;  // failures, at this moment
};

// One server over the rounds.
class EjectionTrack {
 public:
  [[nodiscard]] bool ejected() const { return ejected_; }
  [[nodiscard]] shared::TimePoint until() const { return until_; }

 private:
  friend class EjectionJudge;
  struct Round {
    shared::TimePoint at;
    std::uint64_t requests = 0, failures = 0;
  };
  std::vector<Round> rounds_;  // the oldest in front, within the window
  ServerTotals present_;
  std::uint64_t requests_ = 0, failures_ = 0;  // in the window
  bool ejected_ = false;
  shared::TimePoint until_{};
  shared::TimePoint back_since_{};  // the end of the last ejection
  std::uint32_t row_ = 0;           // ejections in a row
};

struct EjectionChange {
  std::size_t server = 0;  // index in the pool
  bool ejected = false;
  std::string_view reason;  // a literal
};

class EjectionJudge {
 public:
  // One round of one pool. REQUIRES: totals.size() == tracks.size(), in the pool's order.
  [[nodiscard]] static std::vector<EjectionChange> judge(const EjectionSettings& settings,
                                                         std::span<const ServerTotals> totals,
                                                         std::span<EjectionTrack> tracks, shared::TimePoint now);
};

}  // namespace edge
