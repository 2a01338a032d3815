#pragma once
// OperatorWords: what an operator has said to this edge while it runs: it drains, a server drains, a server has another
// weight. Each word has its reason, its begin and perhaps its end. Words hold over reloads, and over restarts as a file
// in the state directory. A word on a server that the configuration no longer has is kept: it may come back. Value
// type; Control's, on its thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include "edge/core/pool/live.h"
#include "edge/core/pool/pool.h"
#include "shared/core/result.h"
#include "shared/core/time.h"

namespace edge {

struct OperatorWord {
  std::string reason;
  shared::WallTime since{};                 // whole seconds, as it is kept
  std::optional<shared::WallTime> expires;  // absent: until it is taken back

  bool operator==(const OperatorWord&) const = default;
};

struct WeightWord {
  std::uint16_t weight = 1;
  OperatorWord word;

  bool operator==(const WeightWord&) const = default;
};

struct ServerWord {
  std::optional<OperatorWord> drain;
  std::optional<WeightWord> weight;

  bool operator==(const ServerWord&) const = default;
};

struct OperatorWords {
  using ServerKey = std::pair<std::string, std::string>;  // pool, server

  std::optional<OperatorWord> drain;  // the whole edge
  std::map<ServerKey, ServerWord> servers;

  // Forgets words that say nothing any more.
  void set(const ServerKey& place, const ServerWord& word);
  [[nodiscard]] ServerWord of(const ServerKey& place) const;
  [[nodiscard]] std::map<ServerKey, std::uint16_t> weights() const;
  // Tells Live who drains, of these pools.
  void apply(const Pools& pools, Live& live) const;

  [[nodiscard]] std::optional<shared::WallTime> next_expiry() const;
  // Takes back what is over by now, and says what that was.
  struct Ended {
    enum class What : std::uint8_t { edge_drain, server_drain, server_weight };
    What what = What::edge_drain;
    ServerKey place;  // of a server

    bool operator==(const Ended&) const = default;
  };
  std::vector<Ended> expire(shared::WallTime now);

  [[nodiscard]] std::string to_json() const;
  [[nodiscard]] static shared::Result<OperatorWords> parse(std::string_view text);

  bool operator==(const OperatorWords&) const = default;
};

// For /status: {"state":"drained","reason":...,"since":...,"expires_in_seconds":...}; of a weight {"weight":50,...}.
[[nodiscard]] boost::json::object override_json(const OperatorWord& drain, shared::WallTime now);
[[nodiscard]] boost::json::object override_json(const WeightWord& weight, shared::WallTime now);

}  // namespace edge
