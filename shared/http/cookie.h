#pragma once
// Cookies as a request carries them. Pure functions, any thread.

#include <string_view>

#include "shared/http/fields.h"

namespace http {

// The value of a cookie in the request's Cookie fields (RFC 6265 4.2.1), null data when absent.
[[nodiscard]] std::string_view find_cookie(const FieldList& fields, std::string_view name);

// How often it is there, spaces aside; some servers take the first one, some the last. What frameworks may decode to
// its name counts twice.
[[nodiscard]] unsigned count_cookie(const FieldList& fields, std::string_view name);

}  // namespace http
