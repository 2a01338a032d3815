#pragma once
// Do a route's conditions hold for a request? The answer is a reason, so that `explain` says which one failed. Pure
// functions, any thread.

#include <cstdint>
#include <string_view>

#include "edge/core/route.h"

namespace edge {

// Empty when all hold, else the first that does not: "tier", "method", "header", "cookie", "share".
[[nodiscard]] std::string_view failed_condition(const Route& route, const RequestInfo& info, std::uint64_t seed);

// The value of a cookie in the request's Cookie fields (RFC 6265 4.2.1), null data when absent.
[[nodiscard]] std::string_view find_cookie(const FieldList& fields, std::string_view name);

}  // namespace edge
