#include "edge/serve/request/adding_sink.h"

#include <utility>

namespace edge {

void AddingSink::set(std::string_view name, std::string_view value) {
  std::erase_if(added_, [&](const HeaderRule& rule) { return rule.name == name; });
  put({.op = HeaderRule::Op::set, .name = std::string(name), .value = std::string(value)});
}

void AddingSink::add(std::string_view name, std::string_view value) {
  put({.op = HeaderRule::Op::add, .name = std::string(name), .value = std::string(value)});
}

void AddingSink::put(HeaderRule rule) { added_.push_back(std::move(rule)); }

const HeaderRules& AddingSink::on_top_of(const HeaderRules& rules) {
  rules_ = rules;
  for (const HeaderRule& rule : added_) rules_.apply(rule);
  return rules_;
}

void AddingSink::start(const http::ResponseHead& head, const http::ResponseFraming& framing, const HeaderRules& rules) {
  below_.start(head, framing, on_top_of(rules));
}

void AddingSink::start(const OwnHead& head) {
  OwnHead changed = head;
  changed.rules = &on_top_of(head.rules != nullptr ? *head.rules : general_);
  below_.start(changed);
}

}  // namespace edge
