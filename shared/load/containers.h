#pragma once
// Readers made of readers: lists, maps in file order, optional values, values that keep their place. They go on after
// an error, so that every element's errors are reported. Immutable values, any thread.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shared/load/reader.h"

namespace shared::load {

// One element of a map whose keys are names that the operator chose.
template <class V>
struct Named {
  std::string name;
  Position at;  // of the name
  V value{};
};

template <class V>
using NamedMap = std::vector<Named<V>>;  // file order, distinct names

template <class V>
[[nodiscard]] const V* find_named(const NamedMap<V>& map, std::string_view name) {
  for (const auto& element : map) {
    if (element.name == name) return &element.value;
  }
  return nullptr;
}

template <class V>
[[nodiscard]] std::vector<std::string_view> names_of(const NamedMap<V>& map) {
  std::vector<std::string_view> names;
  for (const auto& element : map) names.push_back(element.name);
  return names;
}

template <class V>
[[nodiscard]] std::string print_list(const Reader<V>& element, const std::vector<V>& values) {
  std::string out = "[";
  for (const auto& value : values) out += (out.size() > 1 ? ", " : "") + element.print(value);
  return out + "]";
}

template <class V>
[[nodiscard]] std::optional<std::vector<V>> read_elements(const Reader<V>& element, const Node& node,
                                                          Diagnostics& diagnostics) {
  std::vector<V> values;
  bool complete = true;
  for (const auto& child : node.children) {
    auto value = element.read(child, diagnostics);
    complete = complete && value.has_value();
    if (value) values.push_back(std::move(*value));
  }
  if (!complete) return std::nullopt;
  return values;
}

// [a, b, c]; may be empty.
template <class V>
[[nodiscard]] Reader<std::vector<V>> list_of(const Reader<V>& element) {
  Reader<std::vector<V>> list;
  list.type = "list of " + element.type;
  list.nested = element.nested;
  list.read = [element, type = list.type](const Node& node, Diagnostics& diagnostics) -> std::optional<std::vector<V>> {
    if (!expect_sequence(node, "a " + type, diagnostics)) return std::nullopt;
    return read_elements(element, node, diagnostics);
  };
  list.print = [element](const std::vector<V>& values) { return print_list(element, values); };
  return list;
}

// a, or [a, b, c]
template <class V>
[[nodiscard]] Reader<std::vector<V>> one_or_list(const Reader<V>& element) {
  Reader<std::vector<V>> list = list_of(element);
  list.type = element.type + ", or a list of them";
  list.read = [element](const Node& node, Diagnostics& diagnostics) -> std::optional<std::vector<V>> {
    if (node.is_sequence()) return read_elements(element, node, diagnostics);
    auto value = element.read(node, diagnostics);
    if (!value) return std::nullopt;
    return std::vector<V>{std::move(*value)};
  };
  return list;
}

// {name: value, ...}. `what` says what the names are: "region", "pool". A value that fails is left out, its error
// stands; the names of the rest stay known.
template <class V>
[[nodiscard]] Reader<NamedMap<V>> map_of(const std::string& what, const Reader<V>& element) {
  Reader<NamedMap<V>> map;
  map.type = "map of " + what + ": " + element.type;
  map.nested = element.nested;
  map.read = [what, element](const Node& node, Diagnostics& diagnostics) -> std::optional<NamedMap<V>> {
    if (!expect_map(node, "a map of " + what + " names", diagnostics)) return std::nullopt;
    NamedMap<V> values;
    values.reserve(node.children.size());
    for (const auto& child : node.children) {
      const bool usable = check_key_word(child, diagnostics);
      auto value = element.read(child, diagnostics);
      if (usable && value) values.push_back(Named<V>{child.key, child.key_at, std::move(*value)});
    }
    return values;
  };
  map.print = [element](const NamedMap<V>& values) {
    std::string out = "{";
    for (const auto& [name, at, value] : values)
      out += (out.size() > 1 ? ", " : "") + name + ": " + element.print(value);
    return out + "}";
  };
  return map;
}

// Absent is no value; the default in the reference is "none".
template <class V>
[[nodiscard]] Reader<std::optional<V>> optional_of(const Reader<V>& element) {
  auto read = [inner = element.read](const Node& node, Diagnostics& diagnostics) -> std::optional<std::optional<V>> {
    auto value = inner(node, diagnostics);
    if (!value) return std::nullopt;
    return std::optional<std::optional<V>>(std::in_place, std::move(*value));
  };
  auto print = [inner = element.print](const std::optional<V>& value) { return value ? inner(*value) : "none"; };
  return Reader<std::optional<V>>{element.type, std::move(read), std::move(print), element.nested};
}

// Keeps the place for checks that come later.
template <class V>
[[nodiscard]] Reader<Located<V>> located(const Reader<V>& element) {
  auto read = [inner = element.read](const Node& node, Diagnostics& diagnostics) -> std::optional<Located<V>> {
    auto value = inner(node, diagnostics);
    if (!value) return std::nullopt;
    return Located<V>{std::move(*value), node.at};
  };
  auto print = [inner = element.print](const Located<V>& value) { return inner(value.value); };
  return Reader<Located<V>>{element.type, std::move(read), std::move(print), element.nested};
}

}  // namespace shared::load
