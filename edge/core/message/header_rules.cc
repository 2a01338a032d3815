#include "edge/core/message/header_rules.h"

#include <algorithm>

namespace edge {

void HeaderRules::apply(const HeaderRule& rule) {
  const http::FieldId id = http::field_id(rule.name);
  if (rule.op != HeaderRule::Op::add) {
    std::erase_if(appended_, [&](const Appended& field) { return http::equals_ignoring_case(field.name, rule.name); });
    const bool known = std::any_of(dropped_.begin(), dropped_.end(), [&](const Dropped& dropped) {
      return http::equals_ignoring_case(dropped.name, rule.name);
    });
    if (!known) dropped_.push_back({rule.name, id});
  }
  if (rule.op != HeaderRule::Op::remove) appended_.push_back({rule.name, rule.value, id});
}

bool HeaderRules::drops(const http::Field& field) const {
  const bool known = field.id != http::FieldId::other;
  const auto meant = [&](const Dropped& one) {
    if (known) return one.id == field.id;
    return one.name.size() == field.name.size() && http::equals_as_twin(one.name, field.name);
  };
  return std::ranges::any_of(dropped_, meant);
}

const HeaderRules::Appended* HeaderRules::find_appended(http::FieldId id) const {
  for (const Appended& field : appended_) {
    if (field.id == id) return &field;
  }
  return nullptr;
}

bool rule_may_touch(std::string_view name) {
  const http::FieldId id = http::field_id(name);
  return !http::is_hop_by_hop(id) && id != http::FieldId::content_length && id != http::FieldId::trailer &&
         id != http::FieldId::expect;
}

}  // namespace edge
