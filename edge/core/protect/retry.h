#pragma once
// May a request that failed on one server be sent to another? The one place of that rule: docs/failures.md is its
// table. A request is sent again only when nobody can notice: the client has been told nothing of the answer, all of
// the body that was taken from it is at hand, and the server that failed has either seen nothing of it or the method
// allows to do it twice (RFC 9110 9.2.2). Pure.

#include <cstdint>

#include "edge/core/message/errors.h"
#include "edge/core/protect/retry_budget.h"
#include "shared/core/mode.h"
#include "shared/core/time.h"

namespace edge {

struct HedgeSettings {
  shared::Mode mode = shared::Mode::disabled;
  double quantile = 0.95;              // of the pool's recent times to the head of an answer
  shared::milliseconds min_delay{10};  // never before
};

struct RetrySettings {
  std::uint16_t attempts = 3;  // tries in all; 1: no retry; at most kMaxAttempts
  double budget_share = 0.2;   // see RetryBudget
  double budget_rate = 10.0;
  std::uint64_t buffer = 16 * 1024;  // octets of an idempotent request's body that are kept to be sent again
  HedgeSettings hedge;

  [[nodiscard]] RetryBudgetSettings budget() const { return {.share = budget_share, .min_rate = budget_rate}; }
};
inline constexpr std::size_t kMaxAttempts = 8;

struct FailedTry {
  Side side = Side::upstream;
  bool connected = false;  // bytes of the request may have reached the server
  bool answering = false;  // the client has been told (a part of) the answer, an interim one too
  bool idempotent = false;
  bool replayable = false;  // all of the body that was taken can be sent again
};

[[nodiscard]] constexpr bool safe_to_retry(const FailedTry& failed) {
  if (failed.side != Side::upstream || failed.answering || !failed.replayable) return false;
  return !failed.connected || failed.idempotent;
}

}  // namespace edge
