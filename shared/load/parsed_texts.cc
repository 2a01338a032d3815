#include "shared/load/parsed_texts.h"

#include <utility>

namespace shared::load {

void ParsedTexts::add(const std::string& name, std::string_view text, Tree tree) {
  by_name_.insert_or_assign(name, Parsed{std::string(text), std::move(tree)});
}

std::optional<ParsedTexts::Tree> ParsedTexts::take(const std::string& name, std::string_view text) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end() || found->second.text != text) return std::nullopt;
  auto tree = std::move(found->second.tree);
  by_name_.erase(found);
  return tree;
}

}  // namespace shared::load
