#pragma once
// Consistent hashing: a key's hash names one of 2^16 slots, and each slot belongs to the server with the highest
// weighted rendezvous score there (Thaler and Ravishankar 1998; weights as in Schindelhauer and Schomaker 2005). The
// table is made at build time, so a pick is one look at it; a server that leaves the pool gives up its own slots and no
// other slot moves, one that joins takes only the slots it wins. A server that cannot be picked is passed by a second
// slot, a third ... made from the key: its keys spread over all others. Everything is integer arithmetic from the
// service's and the servers' names: the same on every edge. docs/decisions has why. Pure functions, any thread.

#include <cstdint>

#include "edge/core/pool/selector.h"

namespace edge {

// The slot of the key's attempt: 0 is its home.
[[nodiscard]] constexpr std::uint32_t slot_of(std::uint64_t key, std::uint32_t attempt) {
  std::uint64_t x = key + 0x9E3779B97F4A7C15ULL * attempt;
  x ^= x >> 30U;
  x *= 0xBF58476D1CE4E5B9ULL;
  x ^= x >> 27U;
  x *= 0x94D049BB133111EBULL;
  return static_cast<std::uint32_t>(x >> (64 - HashSlots::kBits));
}

// -log2(u) for u = (bits + 0.5) / 2^32, with 24 bits after the point: the time until the first arrival, of rate 1.
[[nodiscard]] std::uint32_t arrival(std::uint32_t bits);

}  // namespace edge
