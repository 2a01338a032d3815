#pragma once
// OperatorWords: what an operator has said to this edge while it runs: it drains, a server drains, a server has another
// weight. It holds over reloads, and over restarts as a file in the state directory. A word on a server that the
// configuration no longer has is kept: it may come back. Value type; Control's, on its thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "edge/core/live.h"
#include "edge/core/pool.h"
#include "shared/core/result.h"

namespace edge {

struct ServerWord {
  bool draining = false;
  std::optional<std::uint16_t> weight;

  bool operator==(const ServerWord&) const = default;
};

struct OperatorWords {
  using Place = std::pair<std::string, std::string>;  // pool, server

  bool draining = false;  // the whole edge
  std::map<Place, ServerWord> servers;

  // Forgets words that say nothing any more.
  void set(const Place& place, const ServerWord& word);
  [[nodiscard]] ServerWord of(const Place& place) const;
  [[nodiscard]] std::map<Place, std::uint16_t> weights() const;
  // Tells Live who drains, of these pools.
  void apply(const Pools& pools, Live& live) const;

  [[nodiscard]] std::string to_json() const;
  [[nodiscard]] static shared::Result<OperatorWords> parse(std::string_view text);

  bool operator==(const OperatorWords&) const = default;
};

}  // namespace edge
