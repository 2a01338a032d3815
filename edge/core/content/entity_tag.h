#pragma once
// Entity tags (RFC 9110 8.8.3): read, compared, and looked for in lists. Views point into what was given. Pure
// functions, any thread.

#include <cstdint>
#include <optional>
#include <string_view>

namespace edge {

struct EntityTag {
  std::string_view opaque;  // with its quotes: "\"xyzzy\""
  bool weak = false;
};

// One whole tag, "\"x\"" or "W/\"x\""; nothing when it is none.
[[nodiscard]] std::optional<EntityTag> parse_entity_tag(std::string_view text);

enum class TagComparison : std::uint8_t { strong, weak };  // RFC 9110 8.8.3.2

[[nodiscard]] bool same_entity(const EntityTag& a, const EntityTag& b, TagComparison how);

// Is it in a list, as If-Match and If-None-Match have one ("*" is none)? What stands behind a malformed element is not
// read, so that whatever is not clear matches nothing.
[[nodiscard]] bool lists_entity(std::string_view list, const EntityTag& tag, TagComparison how);

}  // namespace edge
