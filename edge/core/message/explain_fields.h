#pragma once
// The fields by which a trusted client asks what is decided of its request, and is told. Any thread.

#include <string>
#include <string_view>

namespace edge {

inline constexpr std::string_view kExplainField = "X-Meridian-Explain";  // "1"; in the answer: what, and why
inline constexpr std::string_view kTraceField = "X-Meridian-Trace";      // in the answer: by what the log knows it

inline constexpr std::size_t kMostExplained = 4096;  // octets of the answer's field

// As a field's value: one line of visible ASCII, whatever the client has put into it, and not too long.
[[nodiscard]] std::string as_field_value(std::string_view text);

}  // namespace edge
