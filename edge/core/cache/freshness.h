#pragma once
// How old a response is and for how long it is fresh (RFC 9111 4.2). Pure functions, value types, any thread.

#include <cstdint>
#include <optional>

#include "edge/core/cache/cache_control.h"
#include "edge/core/cache/cache_rule.h"
#include "shared/core/time.h"
#include "shared/http/date.h"
#include "shared/http/head.h"

namespace edge {

// When a response was asked for and when its head came.
struct FetchTimes {
  shared::TimePoint asked;
  shared::TimePoint heard;
  http::UnixSeconds heard_at = 0;  // the same on the wall's clock
};

// The first value counts (RFC 9111 5.1); nothing when there is none or it is no number.
[[nodiscard]] std::optional<Delta> age_of(const http::FieldList& fields);

// corrected_initial_age (4.2.3).
[[nodiscard]] Delta initial_age(const http::FieldList& fields, const FetchTimes& times);

enum class FreshnessSource : std::uint8_t { none, directive, expires, rule, heuristic };

struct Lifetime {
  Delta seconds = 0;
  FreshnessSource source = FreshnessSource::none;
};
[[nodiscard]] Lifetime lifetime_of(const http::ResponseHead& head, const ResponseDirectives& directives,
                                   const CacheRule& rule, http::UnixSeconds heard_at);

// May be stored with a heuristic lifetime (RFC 9110 15.1). 206 is none here.
[[nodiscard]] bool is_heuristically_cacheable(std::uint16_t status);

// What is kept of all that beside a stored response.
struct Freshness {
  shared::TimePoint heard;
  Delta initial_age = 0;
  Delta lifetime = 0;
  Delta stale_while_revalidate = 0;
  Delta stale_if_error = 0;
  bool no_cache = false;     // never without asking
  bool revalidates = false;  // never stale: must-revalidate, proxy-revalidate, s-maxage
  bool soft = false;         // its stale times were said by the server: s-maxage does not forbid them

  [[nodiscard]] std::int64_t age(shared::TimePoint now) const;
  // Seconds that it is still fresh, or has been stale for, if negative.
  [[nodiscard]] std::int64_t ttl(shared::TimePoint now) const { return std::int64_t{lifetime} - age(now); }
};
[[nodiscard]] Freshness freshness_of(const http::ResponseHead& head, const ResponseDirectives& directives,
                                     const CacheRule& rule, const FetchTimes& times);

}  // namespace edge
