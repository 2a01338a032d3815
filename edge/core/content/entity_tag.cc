#include "edge/core/content/entity_tag.h"

#include <algorithm>

#include "shared/core/ascii.h"

namespace edge {
namespace {

bool is_tag_octet(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet > 0x20 && octet != '"' && octet != 0x7F;
}

// A tag from the front of `text`, which it is cut from.
std::optional<EntityTag> take_tag(std::string_view& text) {
  EntityTag tag;
  std::string_view rest = text;
  if (rest.starts_with("W/")) {
    tag.weak = true;
    rest.remove_prefix(2);
  }
  if (!rest.starts_with('"')) return std::nullopt;
  const std::size_t close = rest.find('"', 1);
  if (close == std::string_view::npos) return std::nullopt;
  tag.opaque = rest.substr(0, close + 1);
  if (!std::ranges::all_of(tag.opaque.substr(1, close - 1), is_tag_octet)) return std::nullopt;
  text = rest.substr(close + 1);
  return tag;
}

}  // namespace

std::optional<EntityTag> parse_entity_tag(std::string_view text) {
  std::string_view rest = shared::trim(text);
  const auto tag = take_tag(rest);
  return tag && rest.empty() ? tag : std::nullopt;
}

bool same_entity(const EntityTag& a, const EntityTag& b, TagComparison how) {
  if (how == TagComparison::strong && (a.weak || b.weak)) return false;
  return a.opaque == b.opaque;
}

bool lists_entity(std::string_view list, const EntityTag& tag, TagComparison how) {
  std::string_view rest = shared::trim(list);
  while (!rest.empty()) {
    if (rest.front() != ',') {
      const auto element = take_tag(rest);
      if (!element) return false;
      rest = shared::trim(rest);
      if (!rest.empty() && rest.front() != ',') return false;
      if (same_entity(*element, tag, how)) return true;
      continue;
    }
    rest = shared::trim(rest.substr(1));
  }
  return false;
}

}  // namespace edge
