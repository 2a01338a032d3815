#include "shared/load/table_doc.h"

#include <set>
#include <string_view>

namespace shared::load {
namespace {

// A cell of a Markdown table: a bar would end it.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string code(std::string_view text) { return text.empty() ? "" : "`" + std::string(text) + "`"; }

// A default that happens to be the word `required` is none the less a default, in code.
std::string fallback_cell(const OptionDoc& option) {
  if (option.required) return "required";
  return option.fallback == "none" ? option.fallback : code(cell(option.fallback));
}

class Renderer {
 public:
  void add(const TableDoc& table) {
    if (!done_.insert(table.title).second) return;
    out_ += "## " + code(table.title) + "\n\n" + table.doc + "\n\n";
    out_ += "| option | type | default | meaning |\n| --- | --- | --- | --- |\n";
    for (const OptionDoc& option : table.options) {
      out_ += "| " + code(option.key) + " | " + cell(option.type) + " | " + fallback_cell(option) + " | " +
              cell(option.doc) + " |\n";
    }
    out_ += "\n";
    for (const OptionDoc& option : table.options) {
      for (const auto& inner : option.nested) add(*inner);
    }
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::set<std::string> done_;
  std::string out_;
};

}  // namespace

std::string render_reference(std::span<const std::shared_ptr<const TableDoc>> tables) {
  Renderer renderer;
  for (const auto& table : tables) renderer.add(*table);
  return renderer.take();
}

}  // namespace shared::load
