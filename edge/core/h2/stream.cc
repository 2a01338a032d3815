#include "edge/core/h2/stream.h"

#include <algorithm>

#include "shared/core/ascii.h"

namespace edge::h2 {
namespace {

// A token's end, or that of a string, a list or whatever else a value is, as far as the comma that is outside of it.
std::string_view take_member(std::string_view& rest) {
  bool quoted = false;
  std::size_t depth = 0;
  std::size_t i = 0;
  for (; i < rest.size(); ++i) {
    const char c = rest[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == '(') {
      ++depth;
    } else if (!quoted && c == ')' && depth > 0) {
      --depth;
    } else if (!quoted && depth == 0 && c == ',') {
      break;
    }
  }
  const std::string_view member = rest.substr(0, i);
  rest.remove_prefix(std::min(rest.size(), i + 1));
  return shared::trim(member);
}

}  // namespace

Priority read_priority(std::string_view value) {
  Priority read;
  while (!value.empty()) {
    std::string_view member = take_member(value);
    member = member.substr(0, member.find(';'));  // parameters say nothing to us
    if (member.size() == 3 && member.starts_with("u=") && member[2] >= '0' && member[2] <= '7') {
      read.urgency = static_cast<std::uint8_t>(member[2] - '0');
    } else if (member == "i" || member == "i=?1") {
      read.incremental = true;
    } else if (member == "i=?0") {
      read.incremental = false;
    }
  }
  return read;
}

}  // namespace edge::h2
