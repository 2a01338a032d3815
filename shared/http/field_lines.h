#pragma once
// On how many lines a field stands, as servers may read it: some go by the first of two, some by the last, and some
// read X_Tenant as X-Tenant. Who decides something by a field has to know whether it says one thing. Pure functions,
// any thread.

#include <string_view>

#include "shared/http/fields.h"

namespace http {

// Its definition is a list, so that several lines are one value (RFC 9110 5.3): Accept-Language, X-Forwarded-For.
[[nodiscard]] bool may_have_lines(std::string_view name);

// It stands on several lines with different values, or only under a twin of its name, and is no list: two readers may
// read two values. Twice the same, as two proxies in a row write X-Forwarded-Proto, is one.
[[nodiscard]] bool is_ambiguous(const FieldList& fields, std::string_view name);

}  // namespace http
