#pragma once
// Do a route's conditions hold for a request? The answer is a reason, so that `explain` says which one failed. Pure
// functions, any thread.

#include <cstdint>
#include <string_view>

#include "edge/core/route/route.h"

namespace edge {

// Empty when all hold, else the first that does not: "tier", "method", "header", "cookie", "share".
[[nodiscard]] std::string_view failed_condition(const Route& route, const RequestInfo& info, std::uint64_t seed);

}  // namespace edge
