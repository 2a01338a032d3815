#pragma once
// ContentPlan: which status, and which octets, a request for a representation that is at hand gets: preconditions, then
// If-Range, then Range, in the order of RFC 9110 13.2.2. For files and for what a cache holds as a whole. Pure
// functions, any thread.

#include <cstdint>

#include "edge/core/content/byte_ranges.h"
#include "edge/core/content/preconditions.h"
#include "shared/http/head.h"

namespace edge {

struct ContentPlan {
  std::uint16_t status = 200;  // 200, 206 with `ranges`, 304, 412 or 416
  RangeRuling ranges;
};

// `size`: octets of the representation. REQUIRES: without conditions the answer is a 200.
[[nodiscard]] ContentPlan plan_content(const http::RequestHead& request, const Validators& present, std::uint64_t size,
                                       http::UnixSeconds now);

}  // namespace edge
