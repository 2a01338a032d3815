#pragma once
// JSON for a person: keys as an indented list, lists of like objects as aligned tables. Pure, any thread.

#include <string>
#include <string_view>

#include "shared/core/result.h"

namespace cli {

[[nodiscard]] shared::Result<std::string> readable(std::string_view json);

}  // namespace cli
