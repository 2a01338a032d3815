#pragma once
// Files in the syntax of gdnsd's configuration (vscf): `key => value` or `key = value`, hashes in braces, arrays in
// brackets, commas where one likes, `#` comments, "quoted text", `$include{file}`. Read into Nodes, as our own files
// are.

#include <optional>
#include <string>
#include <string_view>

#include "shared/load/diagnostics.h"
#include "shared/load/node.h"

namespace cli {

// A map. Nothing: an error has been added.
[[nodiscard]] std::optional<shared::load::Node> read_gdnsd_config(const std::string& path,
                                                                  shared::load::Diagnostics& diagnostics);
// The same from memory; `name` is the file's, beside which includes lie.
[[nodiscard]] std::optional<shared::load::Node> parse_gdnsd_config(std::string_view text, const std::string& name,
                                                                   shared::load::Diagnostics& diagnostics);

}  // namespace cli
