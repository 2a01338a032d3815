#pragma once
// standing(): what a client who uses nothing now has left of the limits that announce, as one whose answer is stored.
// Counts nothing; any thread.

#include <memory>
#include <span>

#include "edge/core/protect/rate_limit.h"

namespace edge {

// By the one that has least left; `by` is null where none announces.
[[nodiscard]] LimitRuling standing(std::span<const std::shared_ptr<const RateLimit>> limits,
                                   const LimitSubject& subject, shared::TimePoint now);

}  // namespace edge
