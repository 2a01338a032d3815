#include "shared/load/yaml.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "shared/load/containers.h"
#include "shared/load/file.h"
#include "shared/load/tree_builder.h"
#include "shared/load/values.h"

namespace shared::load {
namespace {

constexpr std::size_t kLargestFile = std::size_t{256} << 20;

// Merges the map `from` into `into`: maps in both are merged, anything else may stand in one place only.
void merge(Node& into, Node from, Diagnostics& diagnostics) {
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < into.children.size(); ++i) places.emplace(into.children[i].key, i);
  for (Node& element : from.children) {
    const auto found = places.find(element.key);
    if (found == places.end()) {
      into.children.push_back(std::move(element));
      continue;
    }
    Node& present = into.children[found->second];
    if (present.is_map() && element.is_map()) {
      merge(present, std::move(element), diagnostics);
    } else {
      diagnostics.error(element.key_at, "the key '" + element.key + "' is defined twice; the other place is " +
                                            present.key_at.to_string());
    }
  }
}

class Loader {
 public:
  Loader(const YamlSettings& settings, Diagnostics& diagnostics)
      : settings_(settings), diagnostics_(diagnostics), budget_{settings.max_nodes} {}

  // `named_at`: the include that asked for the file; a position without a file for the first one.
  std::optional<Node> file(const std::string& path, const Position& named_at) {
    const Position whole{std::make_shared<const std::string>(path), 0, 0};
    auto text = settings_.files.read(path, {.largest = kLargestFile, .pipes = true});
    if (!text) {
      const std::string message = "cannot read " + path + ": " + text.error().message;
      diagnostics_.error(named_at.file ? named_at : whole,
                         named_at.file ? message : "cannot read: " + text.error().message);
      return std::nullopt;
    }
    return document(*text, path);
  }

  std::optional<Node> document(std::string_view text, const std::string& name) {
    auto root = tree_of(text, name);
    if (!root) return std::nullopt;
    if (root->is_null()) root->kind = Node::Kind::map;
    if (!expect_map(*root, "a map at the top of the file", diagnostics_)) return std::nullopt;
    stack_.push_back(identity(name));
    resolve_includes(*root);
    stack_.pop_back();
    return root;
  }

 private:
  std::optional<Node> tree_of(std::string_view text, const std::string& name) {
    ParsedTexts* const parsed = settings_.parsed.get();
    auto known = parsed == nullptr ? std::nullopt : parsed->take(name, text);
    if (known && known->nodes <= budget_.left) {
      budget_.left -= known->nodes;
      return std::move(known->root);
    }
    const std::size_t left = budget_.left;
    const std::size_t said = diagnostics_.list().size();
    auto root = build_tree(text, std::make_shared<const std::string>(name), settings_, budget_, diagnostics_);
    const bool good = root && diagnostics_.list().size() == said;
    if (parsed != nullptr && good) parsed->add(name, text, {*root, left - budget_.left});
    return root;
  }

  static std::string identity(const std::string& path) {
    std::error_code error;
    const auto canonical = std::filesystem::weakly_canonical(path, error);
    return error ? path : canonical.string();
  }

  void resolve_includes(Node& root) {
    const auto found = std::find_if(root.children.begin(), root.children.end(),
                                    [](const Node& child) { return child.key == "include"; });
    if (found == root.children.end()) return;
    const Node node = std::move(*found);
    root.children.erase(found);
    const auto files = one_or_list(located(file_path())).read(node, diagnostics_);
    if (!files) return;
    for (const auto& [path, at] : *files) include(root, path.string(), at);
  }

  void include(Node& root, const std::string& path, const Position& at) {
    if (std::find(stack_.begin(), stack_.end(), identity(path)) != stack_.end()) {
      return diagnostics_.error(at, path + " includes itself");
    }
    if (stack_.size() > settings_.max_includes) {
      return diagnostics_.error(at,
                                "includes are nested deeper than " + std::to_string(settings_.max_includes) + " files");
    }
    auto included = file(path, at);
    if (included) merge(root, std::move(*included), diagnostics_);
  }

  const YamlSettings& settings_;
  Diagnostics& diagnostics_;
  NodeBudget budget_;
  std::vector<std::string> stack_;  // the files that are being read, outermost first
};

}  // namespace

YamlSettings process_settings() {
  YamlSettings settings;
  settings.environment = [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  return settings;
}

std::optional<Node> read_yaml_file(const std::string& path, const YamlSettings& settings, Diagnostics& diagnostics) {
  return Loader(settings, diagnostics).file(path, Position{});
}

std::optional<Node> read_yaml_text(std::string_view text, const std::string& name, const YamlSettings& settings,
                                   Diagnostics& diagnostics) {
  return Loader(settings, diagnostics).document(text, name);
}

}  // namespace shared::load
