#include "shared/load/reader.h"

#include <algorithm>
#include <array>

#include "shared/core/ascii.h"
#include "shared/load/nearest.h"
#include "shared/load/table.h"

namespace shared::load {
namespace {

// What YAML 1.1 readers take for a boolean (yaml.org/type/bool.html), besides true and false.
constexpr std::array<std::string_view, 6> kYaml11Booleans = {"yes", "no", "on", "off", "y", "n"};

bool is_plain_word(std::string_view text) {
  return !text.empty() && std::none_of(text.begin(), text.end(),
                                       [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F; });
}

struct Word {
  std::string_view text;
  bool quoted;
  const Position& at;
};

bool check(const Word& word, Diagnostics& diagnostics) {
  if (!is_plain_word(word.text)) {
    diagnostics.error(word.at, "'" + std::string(word.text) +
                                   "' cannot be a name: it is empty, or has a space or a control character in it");
    return false;
  }
  if (word.quoted) return true;
  const std::string small = lower(word.text);
  if (small == "true" || small == "false") {
    diagnostics.error(word.at, "'" + std::string(word.text) +
                                   "' stands where a name is expected; YAML 1.1 tools turn a bare NO (Norway), on or "
                                   "yes into a boolean: quote it in the source: \"NO\"");
    return false;
  }
  if (std::find(kYaml11Booleans.begin(), kYaml11Booleans.end(), small) != kYaml11Booleans.end()) {
    diagnostics.warning(word.at, "'" + std::string(word.text) +
                                     "' is a boolean to YAML 1.1 tools such as Ansible's; quote it: \"" +
                                     std::string(word.text) + "\"");
  }
  return true;
}

}  // namespace

void complain(const Node& node, const std::string& message, Diagnostics& diagnostics) {
  diagnostics.error(node.at, node.key.empty() ? message : node.key + ": " + message);
}

void expected(const Node& node, std::string_view what, Diagnostics& diagnostics) {
  complain(node, "expected " + std::string(what) + ", not " + node.describe(), diagnostics);
}

bool expect_map(const Node& node, std::string_view what, Diagnostics& diagnostics) {
  if (node.is_map()) return true;
  expected(node, what, diagnostics);
  return false;
}

bool expect_sequence(const Node& node, std::string_view what, Diagnostics& diagnostics) {
  if (node.is_sequence()) return true;
  expected(node, what, diagnostics);
  return false;
}

bool expect_scalar(const Node& node, std::string_view what, Diagnostics& diagnostics) {
  if (node.is_scalar()) return true;
  expected(node, what, diagnostics);
  return false;
}

const Node* expect_one_key(const Node& node, std::span<const std::string_view> known, Diagnostics& diagnostics) {
  if (!node.is_map() || node.children.size() != 1) {
    std::string names;
    for (const std::string_view name : known) names += (names.empty() ? "" : ", ") + std::string(name);
    expected(node, "a map with one key of " + names, diagnostics);
    return nullptr;
  }
  const Node& element = node.children.front();
  if (std::find(known.begin(), known.end(), element.key) != known.end()) return &element;
  unknown_key(element, known, diagnostics);
  return nullptr;
}

bool check_word(const Node& scalar, Diagnostics& diagnostics) {
  if (!expect_scalar(scalar, "a name", diagnostics)) return false;
  return check({scalar.text, scalar.quoted, scalar.at}, diagnostics);
}

bool check_key_word(const Node& element, Diagnostics& diagnostics) {
  return check({element.key, element.key_quoted, element.key_at}, diagnostics);
}

void unknown_name(const Position& at, std::string_view kind, std::string_view name,
                  std::span<const std::string_view> known, Diagnostics& diagnostics) {
  diagnostics.error(at, "unknown " + std::string(kind) + " '" + std::string(name) + "'" + suggestion(name, known));
}

void unknown_key(const Node& element, std::span<const std::string_view> known, Diagnostics& diagnostics) {
  if (element.key == "<<") {
    return diagnostics.error(element.key_at,
                             "YAML's merge key << is not supported: write the options out, or use `include`");
  }
  diagnostics.error(element.key_at, "unknown key '" + element.key + "'" + suggestion(element.key, known));
}

void missing_key(const Node& map, std::string_view key, Diagnostics& diagnostics) {
  diagnostics.error(map.at, (map.key.empty() ? "" : map.key + ": ") + "the key '" + std::string(key) + "' is missing");
}

}  // namespace shared::load
