#pragma once
// MirrorRule: which of a route's requests somebody else gets a copy of, and how much of that there may be. Immutable
// but for what it counts, which is kept over reloads by the route's name; part of the Route, any thread.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "edge/core/pool/pool.h"
#include "shared/core/time.h"

namespace edge {

// Marks a copy towards its server. Who sends it is not copied again.
inline constexpr std::string_view kMirrorField = "X-Meridian-Mirror";

struct alignas(64) MirrorLive {
  std::atomic<std::uint32_t> in_flight{0};  // copies that are made, or out
  std::atomic<std::uint64_t> sent{0};
  std::atomic<std::uint64_t> answered{0};   // of them, with a status below 500
  std::atomic<std::uint64_t> failed{0};     // of them, all others
  std::atomic<std::uint64_t> too_large{0};  // not sent: the body is over max_body
  std::atomic<std::uint64_t> too_many{0};   // not sent: max_in_flight are out
  std::atomic<std::uint64_t> broken{0};     // not sent: its client left before the body's end
};

struct MirrorRule {
  PoolId pool{};
  double share = 1;                     // of the requests, (0, 1]
  std::uint64_t max_body = 64 * 1024;   // octets, each held in memory
  std::uint32_t max_in_flight = 100;    // of this edge
  shared::milliseconds timeout{30000};  // for its whole answer
  std::shared_ptr<MirrorLive> live;     // not null
};

}  // namespace edge
