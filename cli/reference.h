#pragma once
// docs/configuration.md as a function of the field tables of all roles. Pure, any thread.

#include <array>
#include <memory>
#include <string>

namespace shared::load {
struct TableDoc;
}

namespace cli {

// The tables of all roles, each with those nested in it; the top level first.
[[nodiscard]] std::array<std::shared_ptr<const shared::load::TableDoc>, 4> configuration_tables();

[[nodiscard]] std::string configuration_reference();

}  // namespace cli
