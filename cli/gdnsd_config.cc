#include "cli/gdnsd_config.h"

#include <filesystem>
#include <memory>
#include <utility>

#include "shared/load/file.h"

namespace cli {
namespace {

using shared::load::Diagnostics;
using shared::load::Node;
using shared::load::Position;

constexpr unsigned kDeepest = 32;  // of hashes, arrays and includes

class Parser {
 public:
  Parser(std::string_view text, const std::string& name, unsigned depth, Diagnostics& diagnostics)
      : text_(text), name_(std::make_shared<const std::string>(name)), depth_(depth), diagnostics_(diagnostics) {}

  // The file, which may stand in braces of its own.
  bool whole(Node& map) {
    skip();
    if (at_end() || here() != '{') return elements(map, 0);
    step();
    if (!elements(map, '}')) return false;
    skip();
    return at_end() || wrong("nothing may stand behind the brace that closes the whole");
  }

  // The elements of a hash up to its end, `close`, or the end of the file.
  bool elements(Node& map, char close) {
    map.kind = Node::Kind::map;
    if (++depth_ > kDeepest) return wrong("nested deeper than " + std::to_string(kDeepest));
    for (;;) {
      skip();
      if (at_end()) {
        if (close != 0) return wrong("the file ends within a hash");
        break;
      }
      if (close != 0 && here() == close) {
        step();
        break;
      }
      if (rest().starts_with("$include")) {
        if (!include(map)) return false;
        continue;
      }
      if (!element(map)) return false;
    }
    --depth_;
    return true;
  }

 private:
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] char here() const { return text_[at_]; }
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  [[nodiscard]] Position place() const { return {name_, line_, column_}; }

  void step() {
    column_ = text_[at_] == '\n' ? 1 : column_ + 1;
    line_ += text_[at_] == '\n' ? 1 : 0;
    ++at_;
  }

  void skip() {
    while (!at_end()) {
      const char letter = here();
      if (letter == '#') {
        while (!at_end() && here() != '\n') step();
      } else if (letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n' || letter == ',' ||
                 letter == ';') {
        step();
      } else {
        return;
      }
    }
  }

  bool wrong(const std::string& what) {
    diagnostics_.error(place(), what);
    return false;
  }

  bool word(std::string& out) {
    if (at_end()) return wrong("the file ends where a word should be");
    if (here() == '"') return quoted(out);
    while (!at_end() && std::string_view(" \t\r\n,;[]{}#=\"").find(here()) == std::string_view::npos) {
      if (here() == '\\' && at_ + 1 < text_.size()) step();
      out += here();
      step();
    }
    return !out.empty() || wrong(std::string("unexpected '") + here() + "'");
  }

  bool quoted(std::string& out) {
    step();
    while (!at_end() && here() != '"') {
      if (here() == '\\' && at_ + 1 < text_.size()) step();
      out += here();
      step();
    }
    if (at_end()) return wrong("a quoted text without an end");
    step();
    return true;
  }

  bool element(Node& map) {
    Node node;
    node.key_at = place();
    if (!word(node.key)) return false;
    skip();
    if (at_end() || here() != '=') return wrong("'" + node.key + "' wants => and a value");
    step();
    if (!at_end() && here() == '>') step();
    skip();
    if (!value(node)) return false;
    if (map.find(node.key) != nullptr) return wrong("'" + node.key + "' stands twice");
    map.children.push_back(std::move(node));
    return true;
  }

  bool value(Node& node) {
    if (at_end()) return wrong("the file ends where a value should be");
    node.at = place();
    if (here() == '{') {
      step();
      return elements(node, '}');
    }
    if (here() == '[') return array(node);
    node.kind = Node::Kind::scalar;
    return word(node.text);
  }

  bool array(Node& node) {
    node.kind = Node::Kind::sequence;
    if (++depth_ > kDeepest) return wrong("nested deeper than " + std::to_string(kDeepest));
    step();
    for (skip(); at_end() || here() != ']'; skip()) {
      if (at_end()) return wrong("the file ends within an array");
      Node child;
      if (!value(child)) return false;
      node.children.push_back(std::move(child));
    }
    step();
    --depth_;
    return true;
  }

  bool include(Node& map) {
    const Position at = place();
    const std::size_t open = rest().find('{');
    const std::size_t close = rest().find('}');
    if (open == std::string_view::npos || close == std::string_view::npos || open > close) {
      return wrong("expected $include{FILE}");
    }
    const std::string file(rest().substr(open + 1, close - open - 1));
    for (std::size_t i = 0; i <= close; ++i) step();
    const std::filesystem::path path = std::filesystem::path(*name_).parent_path() / file;
    const auto text = shared::load::read_file(path);
    if (!text) {
      diagnostics_.error(at, "cannot read " + path.string() + ": " + text.error().message);
      return false;
    }
    return Parser(*text, path.string(), depth_, diagnostics_).elements(map, 0);
  }

  std::string_view text_;
  std::shared_ptr<const std::string> name_;
  std::size_t at_ = 0;
  unsigned line_ = 1;
  unsigned column_ = 1;
  unsigned depth_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::optional<Node> parse_gdnsd_config(std::string_view text, const std::string& name, Diagnostics& diagnostics) {
  Node map;
  if (!Parser(text, name, 0, diagnostics).whole(map)) return std::nullopt;
  map.at = {std::make_shared<const std::string>(name), 1, 1};
  return map;
}

std::optional<Node> read_gdnsd_config(const std::string& path, Diagnostics& diagnostics) {
  const auto text = shared::load::read_file(path);
  if (text) return parse_gdnsd_config(*text, path, diagnostics);
  diagnostics.error({std::make_shared<const std::string>(path), 0, 0}, "cannot read: " + text.error().message);
  return std::nullopt;
}

}  // namespace cli
