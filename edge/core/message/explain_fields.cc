#include "edge/core/message/explain_fields.h"

namespace edge {

std::string as_field_value(std::string_view text) {
  constexpr std::string_view kCut = " ...";
  std::string value;
  for (const char c : text) {
    if (value.size() + kCut.size() >= kMostExplained) return value.append(kCut);
    const bool visible = c >= ' ' && c <= '~';
    value += visible ? c : '?';
  }
  while (value.ends_with(' ')) value.pop_back();
  return value;
}

}  // namespace edge
