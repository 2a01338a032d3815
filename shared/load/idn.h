#pragma once
// Names of other scripts than ASCII: IDNA2008 (RFC 5890 to 5892), by libidn2. What is written in a configuration as
// "bücher.example" is on the wire, and everywhere behind its reader, "xn--bcher-kva.example". Pure functions, any
// thread.

#include <string>
#include <string_view>

#include "shared/core/result.h"
#include "shared/load/diagnostics.h"

namespace shared::load {

[[nodiscard]] bool is_ascii(std::string_view text);

// UTF-8 to the form of the wire, upper case and width mapped first (UTS 46, non-transitional); labels in ASCII stay as
// they are, `*` and `_tcp` too.
[[nodiscard]] Result<std::string> to_ascii(std::string_view name);

// For people: labels xn--... as they are read. A name that has none, or a wrong one, stays as it is.
[[nodiscard]] std::string to_unicode(std::string_view name);

// to_ascii() of what stands at `at`, with a warning that shows both forms; an error, and the name as it stands, if
// there is no such form.
[[nodiscard]] std::string ascii_name(const std::string& name, const Position& at, Diagnostics& diagnostics);

}  // namespace shared::load
