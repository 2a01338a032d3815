#include "shared/http/cookie.h"

#include <algorithm>

namespace http {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view find_cookie(const FieldList& fields, std::string_view name) {
  if (!fields.has(FieldId::cookie)) return {};
  for (const Field& field : fields) {
    if (field.id != FieldId::cookie) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view pair = trimmed(rest.substr(0, end));
      rest = rest.substr(std::min(end + 1, rest.size()));
      const std::size_t equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
    }
  }
  return {};
}

unsigned count_cookie(const FieldList& fields, std::string_view name) {
  unsigned count = 0;
  for (const Field& field : fields) {
    if (field.id != FieldId::cookie) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view pair = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const std::string_view its = shared::trim(pair.substr(0, pair.find('=')));
      if (its == name) ++count;
      if (its.find('%') != std::string_view::npos) count += 2;
    }
  }
  return count;
}

}  // namespace http
