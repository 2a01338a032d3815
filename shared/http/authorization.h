#pragma once
// Bearer tokens (RFC 6750), and comparing what is secret. Pure functions, any thread.

#include <string_view>

namespace http {

// What follows "Bearer " in the value of Authorization; empty for another scheme. Its case does not matter (RFC 9110
// 11.1).
[[nodiscard]] std::string_view bearer_token(std::string_view authorization);

// Every octet is looked at, so that the time says nothing about where two keys differ.
[[nodiscard]] bool equals_in_constant_time(std::string_view a, std::string_view b);

}  // namespace http
