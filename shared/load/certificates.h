#pragma once
// Files of certificates (PEM, RFC 7468), as they name the authorities that one trusts. Builder's thread; blocks on the
// file.

#include <filesystem>
#include <string>

#include "shared/core/result.h"

namespace shared::load {

// The file's text, once it is known to hold certificates and nothing that is broken; the error names the file.
[[nodiscard]] Result<std::string> read_certificates(const std::filesystem::path& path);

}  // namespace shared::load
