#pragma once
// The nearest known word to a mistyped one, for "did you mean". Pure functions, any thread.

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace shared::load {

// The candidate with the smallest edit distance (insert, delete, replace, swap neighbours), if it is near enough to be
// meant.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> candidates);

// " (did you mean 'interval'?)" or, when nothing is near, " (known: a, b, c)"; empty without candidates.
[[nodiscard]] std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace shared::load
