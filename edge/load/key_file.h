#pragma once
// Key files: the API keys of customers and their tiers, one `KEY TIER` a line, `#` begins a comment line. Keys never
// show in messages. Builder's thread; blocks on the file.

#include <filesystem>
#include <string_view>
#include <vector>

#include "edge/core/message/tier.h"
#include "shared/load/diagnostics.h"

namespace edge {

// All errors with file:line; what could be read is returned. `at` is where the configuration names the file.
[[nodiscard]] std::vector<ApiKeys::Entry> read_key_file(const std::filesystem::path& path, const Tiers& tiers,
                                                        const shared::load::Position& at,
                                                        shared::load::Diagnostics& diagnostics);

// The same from text. `name` is the file's.
[[nodiscard]] std::vector<ApiKeys::Entry> parse_keys(std::string_view text, const std::string& name, const Tiers& tiers,
                                                     shared::load::Diagnostics& diagnostics);

}  // namespace edge
