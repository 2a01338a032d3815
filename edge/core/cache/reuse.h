#pragma once
// What may be done with a stored response for a request (RFC 9111 4, 5.2.1; RFC 5861). Pure functions, any thread.

#include <cstdint>
#include <string_view>

#include "edge/core/cache/cache_control.h"
#include "edge/core/cache/freshness.h"
#include "shared/core/time.h"

namespace edge {

enum class Reuse : std::uint8_t {
  fresh,       // as it is
  stale,       // as it is, while it is asked for anew
  max_stale,   // as it is: the client takes it
  revalidate,  // not without asking
};

struct ReuseRuling {
  Reuse reuse = Reuse::revalidate;
  std::string_view reason;  // of `revalidate`: a literal
};

// `purged`: softly, it is not fresh any more. `request`: what it says, or nothing of it where that is ignored.
[[nodiscard]] ReuseRuling rule_reuse(const Freshness& stored, const RequestDirectives& request, bool purged,
                                     shared::TimePoint now);

// The server has failed: may the stale response stand in?
[[nodiscard]] bool allowed_at_error(const Freshness& stored, bool purged, shared::TimePoint now);

}  // namespace edge
