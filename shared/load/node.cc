#include "shared/load/node.h"

namespace shared::load {
namespace {

constexpr std::size_t kLongestQuote = 80;  // of a value in a message

}  // namespace

const Node* Node::find(std::string_view name) const {
  for (const Node& child : children) {
    if (child.key == name) return &child;
  }
  return nullptr;
}

std::string Node::describe() const {
  switch (kind) {
    case Kind::null:
      return "nothing";
    case Kind::sequence:
      return "a list";
    case Kind::map:
      return "a map";
    case Kind::scalar:
      break;
  }
  if (text.size() > kLongestQuote) return "'" + text.substr(0, kLongestQuote) + "...'";
  return "'" + text + "'";
}

}  // namespace shared::load
