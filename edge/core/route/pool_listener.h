#pragma once
// PoolListener: what a listener with `protocol: tcp` or `udp` does with those who come: who may, and to which pool.
// Nothing is read of what they say but, where there are rules by SNI, the name in the first TLS message.
// PoolListeners: all of a configuration, by the listener's index; those of other protocols are empty. Immutable, part
// of the Snapshot, any thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "edge/core/pool/pool.h"
#include "edge/core/protect/connection_bound.h"
#include "edge/core/protect/rate_limit.h"
#include "shared/core/prefix_set.h"
#include "shared/core/time.h"

namespace edge {

// Server names -> pools: the exact name, else the longest wildcard.
class SniRules {
 public:
  // "shop.example", "*.shop.example" (one or more labels before); lower case. The first of two equal ones holds.
  void add(std::string_view pattern, PoolId pool);
  [[nodiscard]] std::optional<PoolId> find(std::string_view name) const;  // in lower case
  [[nodiscard]] bool empty() const { return exact_.empty() && wildcards_.empty(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Map = std::unordered_map<std::string, PoolId, Hash, std::equal_to<>>;

  Map exact_;
  Map wildcards_;  // without "*."
};

struct PoolListener {
  std::string name;            // label of logs: "tcp:192.0.2.1:6379"
  std::optional<PoolId> pool;  // of those whom no rule names; nothing: they are turned away
  SniRules sni;                // not empty: they speak TLS, which is passed on unread
  std::optional<PrefixSet> allow;
  shared::milliseconds connect{5000};
  shared::milliseconds idle{600000};  // without an octet, or a datagram, either way
  std::uint32_t max_sessions = 4096;  // of UDP, for each worker
  // Of TCP: how often a client may come, and how often it may be there; null: as often as it likes.
  RateLimits limits;
  std::shared_ptr<const ConnectionBound> bound;

  [[nodiscard]] bool allows(const shared::IpAddress& client) const { return !allow || allow->contains(client); }
};

using PoolListeners = std::vector<PoolListener>;

}  // namespace edge
