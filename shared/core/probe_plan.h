#pragma once
// ProbePlan: how many attempts one round of probing makes, and when, so that lost packets do not look like a dead
// server. A round has failed only if none of its attempts was answered; all share the round's timeout, so that real
// silence is noticed as soon as with one. Pure values, no clock. Why these numbers:
// docs/decisions/004-rounds-of-attempts.md.

#include "shared/core/health.h"
#include "shared/core/time.h"

namespace shared {

enum class ProbeCare : std::uint8_t {
  usual,       // one attempt, a second one if half the timeout passes without an answer
  suspicious,  // five over the first half of the timeout: what this round says may move answers
};

class ProbePlan {
 public:
  explicit constexpr ProbePlan(ProbeCare care) : care_(care) {}

  [[nodiscard]] constexpr unsigned attempts() const { return care_ == ProbeCare::usual ? 2 : 5; }
  // When an attempt begins, from the beginning of the round, if none before it was answered. REQUIRES: number <
  // attempts().
  [[nodiscard]] constexpr Duration begin_of(unsigned number, Duration timeout) const {
    return timeout * number / (2 * (attempts() - 1));
  }

 private:
  ProbeCare care_;
};

// What the rounds so far say about the care of the next one.
class ProbeSuspicion {
 public:
  // The first round counts at once, and so it is careful. A target that has been silent for long is not worth more
  // than the usual: it is down already.
  [[nodiscard]] constexpr ProbeCare next() const {
    const bool careful = !seen_ || (failures_in_row_ > 0 && failures_in_row_ < kSilentForLong);
    return careful ? ProbeCare::suspicious : ProbeCare::usual;
  }
  constexpr void note(ProbeOutcome outcome) {
    seen_ = true;
    failures_in_row_ = outcome == ProbeOutcome::success ? 0 : failures_in_row_ + (failures_in_row_ < kSilentForLong);
  }

 private:
  static constexpr unsigned kSilentForLong = 10;  // rounds; more than a sensible `fall`
  unsigned failures_in_row_ = 0;
  bool seen_ = false;
};

}  // namespace shared
