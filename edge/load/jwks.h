#pragma once
// Key sets of signed tokens (JWKS, RFC 7517): a file of public keys, and OpenSSL's arithmetic behind them. Keys of
// other kinds (encryption, shared secrets, other curves) are passed over with a warning. Blocks on the disk: the
// Builder's.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/access/jwt.h"
#include "shared/load/diagnostics.h"

namespace edge {

// `at` is where the configuration names the file. An error if there is no key that can be used.
[[nodiscard]] std::vector<JwtKey> parse_jwks(std::string_view text, const std::string& name,
                                             const shared::load::Position& at, shared::load::Diagnostics& diagnostics);
[[nodiscard]] std::vector<JwtKey> read_jwks(const std::filesystem::path& path, const shared::load::Position& at,
                                            shared::load::Diagnostics& diagnostics);

}  // namespace edge
