#pragma once
// The words in which edges share out a limit through Redis: one script for each limit and interval, which counts the
// edges and gives each of them, of the keys that it asks for, a share by what all need. It runs as a whole, so shares
// that are in force never add up to more than the limit (a least share for each edge aside, see RegionShare). Pure
// functions; control loop's thread.
//
// In Redis, for each limit, {PREFIX:limit:REGION:NAME} and
//   :edges     sorted set   edges, by when they asked last
//   :hot       sorted set   hot keys, by when they became hot: what the others have to hear
//   :seed      string       what all edges hash keys with
//   :KEY       hash         edge -> "share demand when"; ends with its leases

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/protect/redis_value.h"
#include "shared/core/result.h"
#include "shared/core/time.h"

namespace edge {

struct LeaseAsk {
  struct Key {
    std::uint64_t key = 0;
    std::uint32_t demand = 0;  // thousandths of a request a second; 0: gives its share back
    std::size_t place = 0;     // in RegionShare
  };
  std::vector<Key> keys;
  std::uint64_t since = 0;  // the cursor of the answer before
};

struct LeaseAnswer {
  std::uint64_t cursor = 0;
  std::uint32_t edges = 1;
  std::uint64_t seed = 0;
  std::vector<std::uint32_t> shares;  // of RegionShare::kWhole, as asked
  std::vector<std::uint64_t> hot;     // keys that have become hot
};

struct LeaseTerms {
  std::string_view edge;      // its address
  std::uint64_t seed = 0;     // proposed, where there is none
  shared::Duration lease{};   // how long a share lasts that is not renewed
  shared::Duration silent{};  // who has not asked for so long is taken for gone, and keeps an equal share at most
  double rate = 0;            // of the whole limit, a second
};

inline constexpr std::size_t kMostHotKeysTold = 512;
inline constexpr shared::seconds kHotKeyTold{10};  // so often each hot key is told of again

[[nodiscard]] std::string_view lease_script();
// EVALSHA `sha` ...; `name` is the limit's in Redis.
[[nodiscard]] std::vector<std::string> lease_command(std::string_view sha, std::string_view name,
                                                     const LeaseTerms& terms, const LeaseAsk& ask);
// `asked`: how many keys.
[[nodiscard]] shared::Result<LeaseAnswer> read_lease_answer(const RedisValue& reply, std::size_t asked);

}  // namespace edge
