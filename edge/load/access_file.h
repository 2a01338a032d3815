#pragma once
// Files of networks for access lists: one at the start of each line, `203.0.113.0/24` or `2001:db8::1`; what follows
// ';' or '#' is a comment, as published lists (Spamhaus DROP and the like) have it. Blocks on the disk: the Builder's
// and the command line's.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/ip.h"
#include "shared/load/diagnostics.h"

namespace edge {

// The networks of `text`, and an error with file and line for each that is none; ten at most, then their number.
[[nodiscard]] std::vector<shared::Prefix> parse_networks(std::string_view text, const std::string& name,
                                                         shared::load::Diagnostics& diagnostics);

// `at` is where the configuration names the file.
[[nodiscard]] std::vector<shared::Prefix> read_networks(const std::filesystem::path& path,
                                                        const shared::load::Position& at,
                                                        shared::load::Diagnostics& diagnostics);

}  // namespace edge
