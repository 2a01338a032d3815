#include "edge/core/cache/reuse.h"

#include <algorithm>

namespace edge {
namespace {

// Seconds for which it has been stale; negative: it is fresh.
std::int64_t staleness(const Freshness& stored, bool purged, shared::TimePoint now) {
  const std::int64_t stale = -stored.ttl(now);
  return purged ? std::max<std::int64_t>(stale, 0) : stale;
}

}  // namespace

ReuseRuling rule_reuse(const Freshness& stored, const RequestDirectives& request, bool purged, shared::TimePoint now) {
  if (request.no_cache) return {Reuse::revalidate, "the request says no-cache"};
  if (stored.no_cache) return {Reuse::revalidate, "no-cache"};
  const std::int64_t age = stored.age(now);
  if (request.max_age.given && age > std::int64_t{request.max_age.seconds}) {
    return {Reuse::revalidate, "older than the request's max-age"};
  }
  if (request.max_age.given && request.max_age.seconds == 0) return {Reuse::revalidate, "the request says max-age=0"};
  const std::int64_t stale = staleness(stored, purged, now);
  if (request.min_fresh.given && -stale < std::int64_t{request.min_fresh.seconds}) {
    return {Reuse::revalidate, "not as fresh as the request's min-fresh"};
  }
  if (stale < 0) return {Reuse::fresh, {}};
  const bool taken = request.any_stale || (request.max_stale.given && stale <= std::int64_t{request.max_stale.seconds});
  if (taken && !stored.revalidates) return {Reuse::max_stale, {}};
  if (stale < std::int64_t{stored.stale_while_revalidate}) return {Reuse::stale, {}};
  return {Reuse::revalidate, purged ? "purged" : "stale"};
}

bool allowed_at_error(const Freshness& stored, bool purged, shared::TimePoint now) {
  if (stored.no_cache) return false;
  return staleness(stored, purged, now) < std::int64_t{stored.stale_if_error};
}

}  // namespace edge
