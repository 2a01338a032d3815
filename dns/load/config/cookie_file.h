#pragma once
// The file of cookie secrets that all nodes share: one or two lines of 32 hexadecimal digits, `#` begins a comment. The
// Builder's work.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "dns/core/wire/cookie.h"
#include "shared/load/diagnostics.h"

namespace dns {

// Nothing: errors have been added, with the file's lines. `at`: where the configuration names the file.
[[nodiscard]] std::optional<CookieSecrets> load_cookie_secrets(const std::filesystem::path& path,
                                                               const shared::load::Position& at,
                                                               shared::load::Diagnostics& diagnostics);

// The same for the text of such a file; `name` is for diagnostics.
[[nodiscard]] std::optional<CookieSecrets> read_cookie_secrets(std::string_view text, const std::string& name,
                                                               shared::load::Diagnostics& diagnostics);

}  // namespace dns
