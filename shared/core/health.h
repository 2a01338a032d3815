#pragma once
// HealthMachine: one probed target's state with hysteresis. `fall` failures in a row take it down, `rise` successes
// bring it up; the first result of a target whose state is unknown counts at once, and so does a refused connection,
// which is proof and not suspicion. Pure state, no clock; owned by whoever owns the target, one thread.

#include <cstdint>

namespace shared {

enum class HealthState : std::uint8_t { unknown, up, down };

enum class ProbeOutcome : std::uint8_t {
  success,
  failure,  // timeout, bad answer, reset after reconnecting: one failed probe
  refused,  // connection refused: nobody listens; down now, past `fall`
};

struct HealthSettings {
  std::uint16_t fall = 3;
  std::uint16_t rise = 2;
};

class HealthMachine {
 public:
  explicit HealthMachine(HealthState initial = HealthState::unknown) : state_(initial) {}

  // Returns true when the state changed. A persisted initial state still counts as unverified: see `verified`.
  bool observe(ProbeOutcome outcome, const HealthSettings& settings);

  [[nodiscard]] HealthState state() const { return state_; }
  // A flip has begun but is not decided: TTLs move towards their minimum.
  [[nodiscard]] bool flip_pending() const { return against_ > 0; }
  // At least one probe has been seen since the start (or since forget()).
  [[nodiscard]] bool verified() const { return verified_; }

 private:
  HealthState state_;
  std::uint16_t against_ = 0;  // consecutive outcomes against the present state
  bool verified_ = false;
};

}  // namespace shared
