#include "edge/core/cache/structured_field.h"

#include <cstddef>

namespace edge {
namespace {

using Type = DictionaryMember::Type;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool in_key(char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == '*'; }
bool in_token(char c) {
  return is_alpha(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~:/").find(c) != std::string_view::npos;
}
bool in_bytes(char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '/' || c == '='; }

// Reads from the front of `rest_`; what a function has not understood leaves the parser failed.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool done() const { return rest_.empty(); }
  [[nodiscard]] char front() const { return rest_.empty() ? '\0' : rest_.front(); }

  bool accept(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_spaces() {
    while (accept(' ')) {
    }
  }
  void skip_white() {
    while (accept(' ') || accept('\t')) {
    }
  }
  template <class Belongs>
  std::string_view take_while(Belongs&& belongs) {
    std::size_t n = 0;
    while (n < rest_.size() && belongs(rest_[n])) ++n;
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }

  bool key(std::string_view& key) {
    if (!is_lower(front()) && front() != '*') return false;
    key = take_while(in_key);
    return true;
  }

  bool number(DictionaryMember& member) {
    const std::string_view from = rest_;
    const bool negative = accept('-');
    const std::size_t whole = take_while(is_digit).size();
    if (whole == 0) return false;
    std::size_t fraction = 0;
    member.type = Type::integer;
    if (accept('.')) {
      fraction = take_while(is_digit).size();
      member.type = Type::decimal;
      if (fraction == 0 || fraction > 3 || whole > 12) return false;
    } else if (whole > 15) {
      return false;
    }
    const std::size_t size = whole + (negative ? 1 : 0) + (member.type == Type::decimal ? fraction + 1 : 0);
    member.value = from.substr(0, size);
    return true;
  }

  bool string(DictionaryMember& member) {
    rest_.remove_prefix(1);
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (c == '"') {
        member.value = rest_.substr(0, i);
        member.type = Type::string;
        rest_.remove_prefix(i + 1);
        return true;
      }
      if (c == '\\' && ++i < rest_.size() && rest_[i] != '"' && rest_[i] != '\\') return false;
      if (c < 0x20 || c > 0x7E) return false;
    }
    return false;
  }

  bool bytes(DictionaryMember& member) {
    rest_.remove_prefix(1);
    member.value = take_while(in_bytes);
    member.type = Type::bytes;
    return accept(':');
  }

  bool boolean(DictionaryMember& member) {
    rest_.remove_prefix(1);
    member.type = front() == '1' ? Type::yes : Type::no;
    return accept('0') || accept('1');
  }

  bool item(DictionaryMember& member) {
    const char c = front();
    if (c == '-' || is_digit(c)) return number(member);
    if (c == '"') return string(member);
    if (c == ':') return bytes(member);
    if (c == '?') return boolean(member);
    if (!is_alpha(c) && c != '*') return false;
    member.value = take_while(in_token);
    member.type = Type::token;
    return true;
  }

  bool parameters() {
    while (accept(';')) {
      skip_spaces();
      std::string_view ignored;
      DictionaryMember value;
      if (!key(ignored) || (accept('=') && !item(value))) return false;
    }
    return true;
  }

  bool inner_list(DictionaryMember& member) {
    rest_.remove_prefix(1);
    member.type = Type::list;
    while (true) {
      skip_spaces();
      if (accept(')')) return true;
      DictionaryMember one;
      if (!item(one) || !parameters()) return false;
      if (front() != ' ' && front() != ')') return false;
    }
  }

  bool member(DictionaryMember& member) {
    if (!key(member.key)) return false;
    if (accept('=') && !(front() == '(' ? inner_list(member) : item(member))) return false;
    return parameters();
  }

 private:
  std::string_view rest_;
};

}  // namespace

bool for_each_member(std::string_view field, const std::function<void(const DictionaryMember&)>& visit) {
  Parser parser(field);
  parser.skip_spaces();
  while (!parser.done()) {
    DictionaryMember member;
    if (!parser.member(member)) return false;
    visit(member);
    parser.skip_white();
    if (parser.done()) return true;
    if (!parser.accept(',')) return false;
    parser.skip_white();
    if (parser.done()) return false;
  }
  return true;
}

}  // namespace edge
