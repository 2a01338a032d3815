#include "edge/core/content/preconditions.h"

#include "edge/core/content/entity_tag.h"

namespace edge {
namespace {

// In any of the lines of a field that is a list.
bool any_lists(const http::FieldList& fields, http::FieldId id, const Validators& present, TagComparison how) {
  const auto tag = parse_entity_tag(present.etag);
  for (const http::Field& field : fields) {
    if (field.id != id) continue;
    if (field.value == "*" || (tag && lists_entity(field.value, *tag, how))) return true;
  }
  return false;
}

// Of a field that may be there once; a second line, or what is no date, makes it void.
std::optional<http::UnixSeconds> date_of(const http::FieldList& fields, http::FieldId id, http::UnixSeconds now) {
  if (fields.count(id) != 1) return std::nullopt;
  return http::parse_date(fields.find(id)->value, now);
}

bool is_retrieval(http::Method method) { return method == http::Method::get || method == http::Method::head; }

}  // namespace

Precondition check_preconditions(http::Method method, const http::FieldList& fields, const Validators& present,
                                 http::UnixSeconds now) {
  using enum http::FieldId;
  if (fields.has(if_match)) {
    if (!any_lists(fields, if_match, present, TagComparison::strong)) return Precondition::failed;
  } else if (present.last_modified) {
    const auto since = date_of(fields, if_unmodified_since, now);
    if (since && *present.last_modified > *since) return Precondition::failed;
  }
  if (fields.has(if_none_match)) {
    if (!any_lists(fields, if_none_match, present, TagComparison::weak)) return Precondition::holds;
    return is_retrieval(method) ? Precondition::not_modified : Precondition::failed;
  }
  if (present.last_modified && is_retrieval(method)) {
    const auto since = date_of(fields, if_modified_since, now);
    if (since && *present.last_modified <= *since) return Precondition::not_modified;
  }
  return Precondition::holds;
}

bool range_condition_holds(const http::FieldList& fields, const Validators& present, http::UnixSeconds now) {
  const unsigned count = fields.count(http::FieldId::if_range);
  if (count == 0) return true;
  if (count > 1) return false;
  const std::string_view value = fields.find(http::FieldId::if_range)->value;
  if (const auto asked = parse_entity_tag(value)) {
    const auto tag = parse_entity_tag(present.etag);
    return tag && same_entity(*asked, *tag, TagComparison::strong);
  }
  const auto date = http::parse_date(value, now);
  return date && present.last_modified && *date == *present.last_modified && *date < now;
}

}  // namespace edge
