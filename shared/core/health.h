#pragma once
// HealthMachine: one probed target's state with hysteresis. `fall` bad results in a row make it worse, `rise` good ones
// better; the first result of a target whose state is unknown counts at once, and so does a refused connection, which
// is proof and not suspicion. `degraded` stands between up and down: it answers, and says that it feels unwell. Pure
// state, no clock; owned by whoever owns the target, one thread.

#include <cstdint>
#include <string_view>

#include "shared/core/time.h"

namespace shared {

enum class HealthState : std::uint8_t { unknown, up, degraded, down };

// "up", "degraded" ...: for status, logs and what is persisted.
[[nodiscard]] std::string_view to_string(HealthState state);

enum class ProbeOutcome : std::uint8_t {
  success,
  degraded,  // it answered, and what it said asks for less work
  failure,   // timeout, bad answer, reset after reconnecting: one failed probe
  refused,   // connection refused: nobody listens; down now, past `fall`
};

struct HealthSettings {
  std::uint16_t fall = 3;
  std::uint16_t rise = 2;
};

// How long an edge that comes and goes must have been well to be answered again; dns/core/health/hold_down.h judges.
struct HoldDownSettings {
  Duration first = seconds(5);  // zero: never
  Duration longest = std::chrono::minutes(5);
};

class HealthMachine {
 public:
  explicit HealthMachine(HealthState initial = HealthState::unknown) : state_(initial) {}

  // Returns true when the state changed. A persisted initial state still counts as unverified: see `verified`. A row of
  // worse (better) results that are not all the same ends in the mildest change that all of them ask for.
  bool observe(ProbeOutcome outcome, const HealthSettings& settings);

  [[nodiscard]] HealthState state() const { return state_; }
  // A flip has begun but is not decided: TTLs move towards their minimum.
  [[nodiscard]] bool flip_pending() const { return against_ > 0; }
  // How many outcomes in a row have spoken against the present state; `fall` or `rise` of them end it.
  [[nodiscard]] std::uint16_t against() const { return against_; }
  // At least one probe has been seen since the start (or since forget()).
  [[nodiscard]] bool verified() const { return verified_; }

 private:
  bool become(HealthState state);

  HealthState state_;
  HealthState mildest_ = HealthState::unknown;  // of the row against the present state
  std::uint16_t against_ = 0;                   // consecutive outcomes worse, or better, than the present state
  bool verified_ = false;
};

}  // namespace shared
