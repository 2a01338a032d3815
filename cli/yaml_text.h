#pragma once
// Text as YAML that means this text and nothing else, whatever stands in it: for commands that write a configuration.
// Values; any thread.

#include <string>
#include <string_view>

namespace cli {

// In double quotes. UTF-8 stays as it is.
[[nodiscard]] std::string yaml_quoted(std::string_view text);
// As it is where that is plain text to everybody; else in quotes.
[[nodiscard]] std::string yaml_word(std::string_view text);

}  // namespace cli
