#pragma once
// QueryRules: what is set, added and removed in the query that servers get. Names are compared decoded, so that an
// escape hides no parameter from a rule, and both '&' and ';' end one, as servers may read them; what no rule is about
// stays octet by octet. Immutable, part of a route, any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace edge {

struct QueryRule {
  enum class Op : std::uint8_t { set, add, remove };
  Op op = Op::set;
  std::string name;
  std::string value{};  // empty for remove
};

class QueryRules {
 public:
  // The same rules with `rule` applied last.
  void apply(const QueryRule& rule);

  [[nodiscard]] bool empty() const { return dropped_.empty() && appended_.empty(); }
  // Replaces `out` by what becomes of `query`; both with their '?', or empty.
  void rewrite(std::string_view query, std::string& out) const;

 private:
  struct Appended {
    std::string name;
    std::string text;  // "name=value", escaped
  };
  [[nodiscard]] bool drops(std::string_view name) const;

  std::vector<std::string> dropped_;
  std::vector<Appended> appended_;
};

// Is the encoded text, as a form has it, this name? "a%5fb" and "a_b" are the same, and '+' is a space.
[[nodiscard]] bool decodes_to(std::string_view encoded, std::string_view name);
[[nodiscard]] std::string escape_query(std::string_view text);

}  // namespace edge
