#pragma once
// Table<T>: the one definition of the options of a map: key, member, reader (type and range), default, doc line.
// Parsing, checking and the reference all come from it; the default is what a default-constructed T holds.
//
//   const Table<Pool>& pool_table() {
//     static const auto table = Table<Pool>("edge.pools.NAME", "Servers that can answer the same requests.")
//                                   .field("balance", &Pool::balance, one_of<Balance>({...}), "How a server is picked")
//                                   .required("servers", &Pool::servers, list_of(nested(server_table())), "...")
//                                   .position(&Pool::at);
//     return table;
//   }
//
// Built once, then immutable: any thread.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/load/containers.h"
#include "shared/load/nearest.h"
#include "shared/load/reader.h"
#include "shared/load/table_doc.h"
#include "shared/load/values.h"

namespace shared::load {

void unknown_key(const Node& element, std::span<const std::string_view> known, Diagnostics& diagnostics);
void missing_key(const Node& map, std::string_view key, Diagnostics& diagnostics);

template <class T>
class Table {
 public:
  // `title` says where the map stands ("edge.pools.NAME"), `doc` what it is.
  Table(std::string title, std::string doc) : doc_(std::make_shared<TableDoc>()) {
    doc_->title = std::move(title);
    doc_->doc = std::move(doc);
  }

  template <class V>
  Table&& field(std::string key, V T::* member, Reader<V> reader, std::string doc) && {
    add(std::move(key), member, std::move(reader), std::move(doc), Need::optional);
    return std::move(*this);
  }
  template <class V>
  Table&& required(std::string key, V T::* member, Reader<V> reader, std::string doc) && {
    add(std::move(key), member, std::move(reader), std::move(doc), Need::required);
    return std::move(*this);
  }
  // Keeps the place of the map itself.
  Table&& position(Position T::* member) && {
    position_ = [member](T& object, const Node& node) { object.*member = node.at; };
    return std::move(*this);
  }
  // Runs after the fields of one map are read: for rules between its options.
  Table&& check(std::function<void(const T&, const Node&, Diagnostics&)> rule) && {
    checks_.push_back(std::move(rule));
    return std::move(*this);
  }

  // Always a T, so that later checks can go on: what failed or is absent holds its default. Null counts as an empty
  // map.
  [[nodiscard]] T read(const Node& node, Diagnostics& diagnostics) const {
    T object{};
    if (position_) position_(object, node);
    if (!node.is_null() && !expect_map(node, "a map (" + doc_->title + ")", diagnostics)) return object;
    const std::size_t before = diagnostics.errors();
    for (const Node& element : node.children) read_element(object, element, diagnostics);
    for (const Field& field : fields_) {
      if (field.need == Need::required && node.find(field.key) == nullptr) missing_key(node, field.key, diagnostics);
    }
    if (diagnostics.errors() > before) return object;
    for (const auto& rule : checks_) rule(object, node, diagnostics);
    return object;
  }

  [[nodiscard]] std::shared_ptr<const TableDoc> doc() const { return doc_; }

 private:
  enum class Need : std::uint8_t { optional, required };

  struct Field {
    std::string key;
    Need need;
    std::function<void(T&, const Node&, Diagnostics&)> read;
  };

  template <class V>
  void add(std::string key, V T::* member, Reader<V> reader, std::string doc, Need need) {
    const T defaults{};
    const bool required = need == Need::required;
    auto fallback = required ? std::string() : reader.print(defaults.*member);
    doc_->options.push_back({key, reader.type, std::move(fallback), std::move(doc), reader.nested, required});
    auto read = [member, inner = std::move(reader.read)](T& object, const Node& node, Diagnostics& diagnostics) {
      auto value = inner(node, diagnostics);
      if (value) object.*member = std::move(*value);
    };
    fields_.push_back({std::move(key), need, std::move(read)});
  }

  void read_element(T& object, const Node& element, Diagnostics& diagnostics) const {
    for (const Field& field : fields_) {
      if (field.key == element.key) return field.read(object, element, diagnostics);
    }
    std::vector<std::string_view> known;
    for (const Field& field : fields_) known.push_back(field.key);
    unknown_key(element, known, diagnostics);
  }

  std::shared_ptr<TableDoc> doc_;
  std::vector<Field> fields_;
  std::function<void(T&, const Node&)> position_;
  std::vector<std::function<void(const T&, const Node&, Diagnostics&)>> checks_;
};

// A map inside a map, with a table of its own. The table must outlive the reader (a static one does).
template <class T>
[[nodiscard]] Reader<T> nested(const Table<T>& table) {
  auto read = [&table](const Node& node, Diagnostics& diagnostics) -> std::optional<T> {
    return table.read(node, diagnostics);
  };
  return Reader<T>{
      "map, see " + table.doc()->title, std::move(read), [](const T&) { return std::string(); }, {table.doc()}};
}

}  // namespace shared::load
