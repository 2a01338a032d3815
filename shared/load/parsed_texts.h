#pragma once
// ParsedTexts: trees of texts that were parsed without anything to complain of, each for one more use. A start reads
// its configuration twice, as who it was started by and as who it becomes, and to parse a list of 100,000 zones takes
// longer than to read the zones. Owned by who reads twice; one thread.

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "shared/load/node.h"

namespace shared::load {

class ParsedTexts {
 public:
  struct Tree {
    Node root;
    std::size_t nodes = 0;  // what it counts against the bound
  };

  // `name`: of the file, which stands in every position of the tree.
  void add(const std::string& name, std::string_view text, Tree tree);
  // Nothing: the file has another text now, or no tree is left of it.
  [[nodiscard]] std::optional<Tree> take(const std::string& name, std::string_view text);

 private:
  struct Parsed {
    std::string text;
    Tree tree;
  };
  std::map<std::string, Parsed> by_name_;
};

}  // namespace shared::load
