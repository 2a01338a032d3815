#pragma once
// Conditional requests (RFC 9110 13): what a request's If-* fields say of the representation that is there, in the
// order of 13.2.2. For files and for what a cache holds. Pure functions, any thread.

#include <cstdint>
#include <optional>
#include <string_view>

#include "shared/http/date.h"
#include "shared/http/head.h"

namespace edge {

// Of the representation that would be sent.
struct Validators {
  std::string_view etag;  // as its field says it; empty: none
  std::optional<http::UnixSeconds> last_modified;
};

enum class Precondition : std::uint8_t {
  holds,         // go on
  not_modified,  // 304
  failed,        // 412
};

// REQUIRES: there is a representation, and the request would else be answered with 2xx.
[[nodiscard]] Precondition check_preconditions(http::Method method, const http::FieldList& fields,
                                               const Validators& present, http::UnixSeconds now);

// Step 5: does If-Range allow for a part? True without one. Only what has certainly not changed since does: a strong
// tag, or the very Last-Modified if that second is over.
[[nodiscard]] bool range_condition_holds(const http::FieldList& fields, const Validators& present,
                                         http::UnixSeconds now);

}  // namespace edge
