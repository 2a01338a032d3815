#pragma once
// The JSON Schema of the configuration, from the same field tables as the reference: editors complete and check with
// it. It knows keys, shapes, ranges and choices; what depends on several places is for `meridian check`. Pure, any
// thread.

#include <string>

#include "cli/command.h"

namespace cli {

[[nodiscard]] std::string configuration_schema();

// `meridian config-schema`
[[nodiscard]] Command config_schema_command(shared::Parser parent);

}  // namespace cli
