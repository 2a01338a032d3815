#pragma once
// Reader<V>: how one kind of value is read from a Node, checked, and described in the reference. Readers are values,
// made by the functions of values.h and containers.h and combined: list_of(one_or_list(prefix())). Immutable, any
// thread.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/load/diagnostics.h"
#include "shared/load/node.h"

namespace shared::load {

struct TableDoc;

template <class V>
struct Reader {
  using Value = V;

  std::string type;  // for the reference: "duration, 1ms to 1h"
  // The value; or nothing, and then at least one error has been added.
  std::function<std::optional<V>(const Node&, Diagnostics&)> read;
  std::function<std::string(const V&)> print;             // a default value, as one would write it
  std::vector<std::shared_ptr<const TableDoc>> nested{};  // tables of the maps inside, for the reference
};

// The hook for values that have a shape of their own (a policy step, a source of tiers). `type` is for the reference.
template <class V>
[[nodiscard]] Reader<V> custom(std::string type, std::function<std::optional<V>(const Node&, Diagnostics&)> read) {
  return Reader<V>{std::move(type), std::move(read), [](const V&) { return std::string(); }};
}

// Adds an error at the node, with its key in front: "interval: ...".
void complain(const Node& node, const std::string& message, Diagnostics& diagnostics);

// Adds "expected a duration such as 5s, not 'x'" at the node.
void expected(const Node& node, std::string_view what, Diagnostics& diagnostics);

// Kind checks: true, or an error has been added.
[[nodiscard]] bool expect_map(const Node& node, std::string_view what, Diagnostics& diagnostics);
[[nodiscard]] bool expect_sequence(const Node& node, std::string_view what, Diagnostics& diagnostics);
[[nodiscard]] bool expect_scalar(const Node& node, std::string_view what, Diagnostics& diagnostics);

// A map with exactly one key out of `known`, such as {geo: ...}: its element, or null and an error.
[[nodiscard]] const Node* expect_one_key(const Node& node, std::span<const std::string_view> known,
                                         Diagnostics& diagnostics);

// A name or code (region, pool, country) as a scalar or as a map's key. YAML 1.1 tools turn NO, on, yes ... into
// booleans: true/false is an error with that hint, the words themselves are a warning. False: an error has been added.
[[nodiscard]] bool check_word(const Node& scalar, Diagnostics& diagnostics);
[[nodiscard]] bool check_key_word(const Node& element, Diagnostics& diagnostics);

// For references to names defined elsewhere:
// "unknown region 'eux' (did you mean 'eu'?)".
void unknown_name(const Position& at, std::string_view kind, std::string_view name,
                  std::span<const std::string_view> known, Diagnostics& diagnostics);

}  // namespace shared::load
