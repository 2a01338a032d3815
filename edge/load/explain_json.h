#pragma once
// An Explanation of a request as JSON, for programs and for `meridian explain --url`, which has its words from it.
// Pure, any thread.

#include <string>

#include "edge/core/decide/explain.h"

namespace edge {

[[nodiscard]] std::string to_json(const Explanation& explanation);

}  // namespace edge
