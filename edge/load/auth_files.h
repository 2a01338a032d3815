#pragma once
// Files of those who may sign in. Both have hashes alone, a line for each, `#` before a comment:
//
//   alice:$2y$10$...               passwords, as `htpasswd -B` writes them; SHA-crypt ($5$, $6$) and yescrypt will do
//   sha256:9f86d0... partner gold  API keys: `printf %s KEY | sha256sum`, whose it is, and a tier if one likes
//
// Blocks on the disk: the Builder's and the command line's.

#include <filesystem>
#include <string>
#include <string_view>

#include "edge/core/access/auth.h"
#include "edge/core/message/tier.h"
#include "shared/load/diagnostics.h"

namespace edge {

[[nodiscard]] PasswordUsers parse_passwords(std::string_view text, const std::string& name,
                                            shared::load::Diagnostics& diagnostics);
[[nodiscard]] HashedKeys parse_hashed_keys(std::string_view text, const std::string& name, const Tiers& tiers,
                                           shared::load::Diagnostics& diagnostics);

// `at` is where the configuration names the file. No text and an error if it cannot be read.
[[nodiscard]] std::string read_secrets(const std::filesystem::path& path, const shared::load::Position& at,
                                       shared::load::Diagnostics& diagnostics);

[[nodiscard]] KeyDigest sha256(std::string_view text);

}  // namespace edge
