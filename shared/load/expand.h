#pragma once
// `${NAME}` in scalars: replaced by the environment variable; `$${` is a literal `${`. Pure but for the environment
// that is passed in; any thread.

#include <string>

#include "shared/load/diagnostics.h"
#include "shared/load/yaml.h"

namespace shared::load {

// The text with everything replaced; each variable that is not set, or is not a name, is an error at `at`.
[[nodiscard]] std::string expand(const std::string& text, const Position& at, const YamlSettings& settings,
                                 Diagnostics& diagnostics);

}  // namespace shared::load
