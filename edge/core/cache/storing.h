#pragma once
// May a shared cache store this response (RFC 9111 3)? Pure functions, any thread.

#include <cstdint>
#include <string_view>

#include "edge/core/cache/cache_control.h"
#include "edge/core/cache/cache_rule.h"
#include "edge/core/cache/freshness.h"
#include "shared/http/head.h"

namespace edge {

// A store takes bodies of up to this part of its `size`: `max_object` is held against it when it is read.
inline constexpr std::uint64_t kLargestPartOfStore = 4;

// The status means here what its definition says (RFC 9111 5.2.2.3, must-understand).
[[nodiscard]] bool is_understood(std::uint16_t status);

// Empty: yes; else why not, a literal. REQUIRES: it answers a GET.
[[nodiscard]] std::string_view why_not_stored(const http::FieldList& request, const http::ResponseHead& response,
                                              const ResponseDirectives& directives, const CacheRule& rule,
                                              http::UnixSeconds heard_at);

// May an answer with this status stand in for an error that stale-if-error is for (RFC 5861 4)?
[[nodiscard]] constexpr bool is_stale_error(std::uint16_t status) {
  return status == 500 || status == 502 || status == 503 || status == 504;
}

// The reason is who has asked, and not what was said.
[[nodiscard]] bool is_for_one_client(std::string_view why);

}  // namespace edge
