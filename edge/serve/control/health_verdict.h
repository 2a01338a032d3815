#pragma once
// judge_answer(): what the answer of a checked server means: its status, a text that must stand in the body, numbers in
// a JSON body. The body is a stranger's bytes: its size, depth and time are bounded, and it is read off the request
// path, by Control. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edge/core/pool/health_check.h"
#include "shared/core/health.h"

namespace edge {

struct HealthVerdict {
  shared::ProbeOutcome outcome = shared::ProbeOutcome::success;
  std::string reason;  // "cpu_usage is 97 (> 90)"; empty on success
};

// `complete`: nothing of the body was cut off.
struct HealthAnswer {
  std::uint16_t status = 0;
  std::string_view body;
  bool complete = true;
};

// A body that is no JSON fails where numbers are wanted. A number that is missing degrades and never takes down: a
// release that renames a field must not empty the pool.
[[nodiscard]] HealthVerdict judge_answer(const HealthCheck& check, const HealthAnswer& answer);

// A finite number of a JSON body, whatever the rule's limit; nothing: it is not there.
[[nodiscard]] std::optional<double> number_told(const HealthAnswer& answer, const NumberRule& rule);

}  // namespace edge
