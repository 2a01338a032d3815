#pragma once
// Makes a Node tree of one YAML text with yaml-cpp's event parser: anchors copied, duplicate keys refused, `${NAME}`
// expanded, sizes and depths bounded. Used by yaml.cc only; one call on one thread.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "shared/load/node.h"
#include "shared/load/yaml.h"

namespace shared::load {

// The bound over all files of one configuration.
struct NodeBudget {
  std::size_t left = 0;
};

[[nodiscard]] std::optional<Node> build_tree(std::string_view text, const std::shared_ptr<const std::string>& file,
                                             const YamlSettings& settings, NodeBudget& budget,
                                             Diagnostics& diagnostics);

}  // namespace shared::load
