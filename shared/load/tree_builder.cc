#include "shared/load/tree_builder.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <istream>
#include <sstream>
#include <unordered_map>
#include <utility>
#include <vector>

#include "shared/load/expand.h"

namespace shared::load {
namespace {

constexpr unsigned kMaxDepth = 64;

// Ends the parse: an error has been added and nothing after it can be trusted.
struct Abandoned {};

std::size_t count_nodes(const Node& node) {
  std::size_t count = 1;
  for (const Node& child : node.children) count += count_nodes(child);
  return count;
}

unsigned depth_of(const Node& node) {
  unsigned deepest = 0;
  for (const Node& child : node.children) deepest = std::max(deepest, depth_of(child));
  return deepest + 1;
}

// Which element of an open map has a key: places in its children by the keys' hashes, open addressing. A list of
// 100,000 zones is one map, and a copy of each key in a table of strings costs more than all else done with it here.
class KeyIndex {
 public:
  // The element that has the key already; else null, and the key stands for the element that is added next.
  [[nodiscard]] const Node* claim(const std::string& key, const std::vector<Node>& elements) {
    if (elements.size() * 2 >= slots_.size()) grow(elements);
    std::size_t slot = start(key);
    for (; slots_[slot] != kFree; slot = (slot + 1) & (slots_.size() - 1)) {
      if (elements[slots_[slot]].key == key) return &elements[slots_[slot]];
    }
    slots_[slot] = elements.size();
    return nullptr;
  }

 private:
  static constexpr std::size_t kFree = SIZE_MAX;

  [[nodiscard]] std::size_t start(const std::string& key) const {
    return std::hash<std::string>{}(key) & (slots_.size() - 1);
  }
  void grow(const std::vector<Node>& elements) {
    slots_.assign(std::max<std::size_t>(16, slots_.size() * 2), kFree);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      std::size_t slot = start(elements[i].key);
      while (slots_[slot] != kFree) slot = (slot + 1) & (slots_.size() - 1);
      slots_[slot] = i;
    }
  }

  std::vector<std::size_t> slots_;  // a power of two
};

// One map or sequence that is not closed yet.
struct Open {
  Node node;
  YAML::anchor_t anchor = 0;
  bool has_key = false;  // of a map: the next value belongs to `key`
  Node key;
  KeyIndex keys;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::shared_ptr<const std::string> file, const YamlSettings& settings, NodeBudget& budget,
              Diagnostics& diagnostics)
      : file_(std::move(file)), settings_(settings), budget_(budget), diagnostics_(diagnostics) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 2)
      diagnostics_.error(position(mark), "a second document starts here; one file has one document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { put(leaf(Node::Kind::null, mark), anchor); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = leaf(Node::Kind::scalar, mark);
    node.quoted = tag == "!";
    if (tag != "!" && tag != "?") refuse_tag(tag, node.at);
    node.text = value;
    put(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) abandon(position(mark), "an alias to something that is not complete yet");
    charge(count_nodes(found->second), position(mark));
    if (open_.size() + depth_of(found->second) > kMaxDepth) too_deep(position(mark));
    Node copy = found->second;
    if (copy.is_null()) copy.at = position(mark);
    place(std::move(copy));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(leaf(Node::Kind::sequence, mark), tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(leaf(Node::Kind::map, mark), tag, anchor);
  }
  void OnMapEnd() override { close(); }

  [[nodiscard]] std::optional<Node> take() { return std::exchange(root_, std::nullopt); }
  [[nodiscard]] Position position(const YAML::Mark& mark) const {
    const auto from_one = [](int value) { return static_cast<std::uint32_t>(std::max(value, 0)) + 1; };
    return Position{file_, from_one(mark.line), from_one(mark.column)};
  }

 private:
  [[nodiscard]] Node leaf(Node::Kind kind, const YAML::Mark& mark) {
    Node node;
    node.kind = kind;
    node.at = position(mark);
    charge(1, node.at);
    return node;
  }

  [[noreturn]] void abandon(const Position& at, std::string message) {
    diagnostics_.error(at, std::move(message));
    throw Abandoned{};
  }
  [[noreturn]] void too_deep(const Position& at) {
    abandon(at, "nested deeper than " + std::to_string(kMaxDepth) + " levels");
  }

  void charge(std::size_t nodes, const Position& at) {
    if (nodes > budget_.left) {
      abandon(at, "the configuration has more than " + std::to_string(settings_.max_nodes) +
                      " values (copies of aliases included)");
    }
    budget_.left -= nodes;
  }

  void refuse_tag(const std::string& tag, const Position& at) {
    if (!tag.empty() && tag != "?") diagnostics_.error(at, "the YAML tag '" + tag + "' is not supported; leave it out");
  }

  void open(Node node, const std::string& tag, YAML::anchor_t anchor) {
    if (open_.size() >= kMaxDepth) too_deep(node.at);
    refuse_tag(tag, node.at);
    Open next;
    next.node = std::move(node);
    next.anchor = anchor;
    open_.push_back(std::move(next));
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.anchor != 0) anchors_.insert_or_assign(done.anchor, done.node);
    place(std::move(done.node));
  }

  void put(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_.insert_or_assign(anchor, node);
    place(std::move(node));
  }

  // A complete node: the root, an element of a sequence, or a key or a value of a map.
  void place(Node node) {
    if (open_.empty()) {
      finish(node);
      if (!root_) root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.is_sequence()) {
      finish(node);
      parent.node.children.push_back(std::move(node));
    } else if (!parent.has_key) {
      parent.key = std::move(node);
      parent.has_key = true;
    } else {
      parent.has_key = false;
      add_element(parent, std::move(node));
    }
  }

  void add_element(Open& parent, Node value) {
    Node& key = parent.key;
    if (!key.is_scalar()) return diagnostics_.error(key.at, "a key must be text, not " + key.describe());
    if (const Node* const first = parent.keys.claim(key.text, parent.node.children)) {
      return diagnostics_.error(
          key.at, "the key '" + key.text + "' stands here twice; the first is at " + first->key_at.to_string());
    }
    if (value.is_null()) value.at = key.at;  // yaml-cpp's mark of nothing is the next token
    value.key = std::move(key.text);
    value.key_at = std::move(key.at);
    value.key_quoted = key.quoted;
    finish(value);
    parent.node.children.push_back(std::move(value));
  }

  // Expansion waits until a scalar is known to be a value: keys and anchors' originals stay as written.
  void finish(Node& node) {
    if (!node.is_scalar() || node.text.find("${") == std::string::npos) return;
    if (!is_unread(node.key)) {
      node.text = expand(node.text, node.at, settings_, diagnostics_);
      return;
    }
    Diagnostics unsaid;  // the other role says it
    auto text = expand(node.text, node.at, settings_, unsaid);
    if (!unsaid.failed()) node.text = std::move(text);
  }

  // Whether a value stands in a part that this program does not read; `key`: its own, if it has one.
  [[nodiscard]] bool is_unread(const std::string& key) const {
    std::string path;
    const auto add = [&path](const std::string& part) { path += (path.empty() ? "" : ".") + part; };
    for (const Open& open : open_) {
      if (open.node.is_map() && open.has_key) add(open.key.text);
    }
    if (!key.empty()) add(key);
    return std::ranges::any_of(
        settings_.unread, [&path](const std::string& part) { return path == part || path.starts_with(part + "."); });
  }

  std::shared_ptr<const std::string> file_;
  const YamlSettings& settings_;
  NodeBudget& budget_;
  Diagnostics& diagnostics_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Node> anchors_;
  std::optional<Node> root_;
  unsigned documents_ = 0;
};

// What the eye does not tell from spaces, and YAML does: looked for in the line of an error and, since some are noticed
// late, above it. Empty: there is none.
std::string invisible_cause(std::string_view text, std::size_t line, Position& at) {
  std::string cause;
  for (std::size_t number = 0; number <= line && !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view row = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t indent = row.find_first_not_of(" \t");
    const std::size_t tab = row.substr(0, indent).find('\t');
    const std::size_t no_break = row.find("\u00A0");
    if (row.empty() || (indent != std::string_view::npos && row[indent] == '#')) continue;
    if (tab == std::string_view::npos && no_break == std::string_view::npos) continue;
    at.line = static_cast<std::uint32_t>(number) + 1;
    at.column = static_cast<std::uint32_t>(std::min(tab, no_break)) + 1;
    cause = tab != std::string_view::npos
                ? "the indentation has a tab in it, and YAML takes spaces only"
                : "here is a no-break space (U+00A0), which YAML takes for a letter: write a plain space";
  }
  return cause;
}

}  // namespace

std::optional<Node> build_tree(std::string_view text, const std::shared_ptr<const std::string>& file,
                               const YamlSettings& settings, NodeBudget& budget, Diagnostics& diagnostics) {
  TreeBuilder builder(file, settings, budget, diagnostics);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Abandoned&) {
    return std::nullopt;
  } catch (const YAML::Exception& problem) {
    Position at = builder.position(problem.mark);
    const std::string cause = invisible_cause(text, at.line - 1, at);
    diagnostics.error(at, cause.empty() ? "YAML: " + problem.msg : cause);
    return std::nullopt;
  }
  auto root = builder.take();
  if (root) return root;
  Node empty;
  empty.kind = Node::Kind::map;
  empty.at = Position{file, 1, 1};
  return empty;
}

}  // namespace shared::load
