#pragma once
// Dictionaries of Structured Fields (RFC 8941 3.2), as far as who reads them has to know whether they are well formed
// and what their members are. Views point into the value. Pure functions, any thread.

#include <cstdint>
#include <functional>
#include <string_view>

namespace edge {

struct DictionaryMember {
  enum class Type : std::uint8_t { yes, no, integer, decimal, string, token, bytes, list };

  std::string_view key;
  std::string_view value;  // as written; without its quotes for a string; empty for yes and no
  Type type = Type::yes;
};

// One line of the field. False when it is none: the members that were visited before that mean nothing.
[[nodiscard]] bool for_each_member(std::string_view field, const std::function<void(const DictionaryMember&)>& visit);

}  // namespace edge
