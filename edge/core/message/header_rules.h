#pragma once
// HeaderRules: what the configuration sets, adds and removes. Rules are inherited and additive: a route's come on top
// of the edge's and never silently drop them; all are folded at build time into one list of names to drop and one list
// of fields to append. Immutable, part of a Route, any thread.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/http/fields.h"

namespace edge {

struct HeaderRule {
  enum class Op : std::uint8_t { set, add, remove };
  Op op = Op::set;
  std::string name;
  std::string value;  // empty for remove
};

class HeaderRules {
 public:
  struct Appended {
    std::string name;
    std::string value;
    http::FieldId id = http::FieldId::other;
  };

  // The same rules with `rule` applied last.
  void apply(const HeaderRule& rule);

  // Is this field of the message dropped? Underscore twins of a ruled name are dropped with it.
  [[nodiscard]] bool drops(const http::Field& field) const;
  [[nodiscard]] std::span<const Appended> appended() const { return appended_; }
  [[nodiscard]] const Appended* find_appended(http::FieldId id) const;
  [[nodiscard]] bool empty() const { return dropped_.empty() && appended_.empty(); }

 private:
  struct Dropped {
    std::string name;
    http::FieldId id = http::FieldId::other;
  };
  std::vector<Dropped> dropped_;
  std::vector<Appended> appended_;
};

// A rule may not touch what frames the message or keeps the connection: Content-Length, Transfer-Encoding, Connection
// ...
[[nodiscard]] bool rule_may_touch(std::string_view name);

}  // namespace edge
