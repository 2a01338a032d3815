#pragma once
// Node: one value of a configuration file as it was written, with its place: the tree that the field tables read.
// Scalars stay text (a table decides what they mean), so nothing is turned into a boolean or a number behind anyone's
// back. Value type; immutable once loaded, any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/load/diagnostics.h"

namespace shared::load {

struct Node {
  enum class Kind : std::uint8_t { null, scalar, sequence, map };

  Kind kind = Kind::null;
  bool quoted = false;  // scalar written in quotes or as a block: certainly meant as text
  std::string text;     // scalar
  Position at;          // where the value starts
  std::string key;      // of an element of a map
  Position key_at;      // where the key starts
  bool key_quoted = false;
  std::vector<Node> children;  // of a sequence or map, in file order; keys of a map are distinct

  [[nodiscard]] bool is_null() const { return kind == Kind::null; }
  [[nodiscard]] bool is_scalar() const { return kind == Kind::scalar; }
  [[nodiscard]] bool is_sequence() const { return kind == Kind::sequence; }
  [[nodiscard]] bool is_map() const { return kind == Kind::map; }

  [[nodiscard]] const Node* find(std::string_view name) const;  // the element of a map, or null
  // "the list", "'text'", "nothing": for messages.
  [[nodiscard]] std::string describe() const;
};

}  // namespace shared::load
