#include "shared/http/field_lines.h"

#include <algorithm>
#include <array>

namespace http {
namespace {

constexpr std::array kLists{FieldId::accept_encoding,
                            FieldId::cache_control,
                            FieldId::connection,
                            FieldId::content_encoding,
                            FieldId::cookie,
                            FieldId::expect,
                            FieldId::forwarded,
                            FieldId::if_match,
                            FieldId::if_none_match,
                            FieldId::pragma,
                            FieldId::te,
                            FieldId::trailer,
                            FieldId::tracestate,
                            FieldId::transfer_encoding,
                            FieldId::upgrade,
                            FieldId::via,
                            FieldId::x_forwarded_for};
// Those that have no id (RFC 7240 2, 8288 3, 9110 8.5, 9111 5.5, 9218 4, 6455 11.3; Fetch 3.3.2; W3C Baggage 3.3.1).
constexpr std::array<std::string_view, 9> kOtherLists{"Access-Control-Request-Headers",
                                                      "Baggage",
                                                      "Content-Language",
                                                      "Link",
                                                      "Prefer",
                                                      "Priority",
                                                      "Sec-WebSocket-Extensions",
                                                      "Sec-WebSocket-Protocol",
                                                      "Warning"};
constexpr std::string_view kAccept = "Accept";

}  // namespace

bool may_have_lines(std::string_view name) {
  if (std::ranges::find(kLists, field_id(name)) != kLists.end()) return true;
  const auto is_it = [name](std::string_view one) { return equals_ignoring_case(one, name); };
  if (std::ranges::any_of(kOtherLists, is_it)) return true;
  const bool accepts = equals_ignoring_case(name.substr(0, kAccept.size()), kAccept);
  return accepts && (name.size() == kAccept.size() || name[kAccept.size()] == '-');
}

bool is_ambiguous(const FieldList& fields, std::string_view name) {
  const bool hyphened = name.find('_') == std::string_view::npos;
  bool exact = false;
  bool differ = false;
  const Field* first = nullptr;
  for (const Field& field : fields) {
    if (field.name.size() != name.size() || !equals_as_twin(field.name, name)) continue;
    if (first == nullptr) first = &field;
    differ = differ || field.value != first->value;
    // A twin of a name without underscores is that name if it has none itself.
    exact =
        exact || (hyphened ? field.name.find('_') == std::string_view::npos : equals_ignoring_case(field.name, name));
  }
  return first != nullptr && (differ || !exact) && !may_have_lines(name);
}

}  // namespace http
