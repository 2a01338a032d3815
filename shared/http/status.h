#pragma once
// Status codes. Pure functions, any thread.

#include <cstdint>
#include <string_view>

namespace http {

// "Not Found"; "Unknown" for a status without a registered phrase.
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status);

}  // namespace http
