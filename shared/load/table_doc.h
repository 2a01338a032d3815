#pragma once
// TableDoc: what the reference says about one field table, and the rendering of docs/configuration.md from them.
// Made by Table<T>; immutable, any thread.

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace shared::load {

struct TableDoc;

struct OptionDoc {
  std::string key;
  std::string type;
  std::string fallback;  // the default as one would write it
  std::string doc;       // one line
  std::vector<std::shared_ptr<const TableDoc>> nested;
  bool required = false;  // there is no default
};

struct TableDoc {
  std::string title;  // where the map stands: "health.edge", "edge.pools.NAME"
  std::string doc;    // a sentence or two
  std::vector<OptionDoc> options;
};

// Markdown: one section with a table of options for each table, nested ones after the one that first names them, each
// once.
[[nodiscard]] std::string render_reference(std::span<const std::shared_ptr<const TableDoc>> tables);

}  // namespace shared::load
