#pragma once
// docs/configuration.md as a function of the field tables of all roles. Pure, any thread.

#include <string>

namespace cli {

[[nodiscard]] std::string configuration_reference();

}  // namespace cli
