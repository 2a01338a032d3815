#pragma once
// Cookies as a request carries them. Pure functions, any thread.

#include <string_view>

#include "shared/http/fields.h"

namespace http {

// The value of a cookie in the request's Cookie fields (RFC 6265 4.2.1), null data when absent.
[[nodiscard]] std::string_view find_cookie(const FieldList& fields, std::string_view name);

}  // namespace http
