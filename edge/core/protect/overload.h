#pragma once
// What a pool does when more is asked of it than its servers may have in flight (docs/overload.md): who waits, for how
// long, and which tiers are refused before it is full. Immutable settings, part of the pool; any thread.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "edge/core/message/tier.h"
#include "shared/core/mode.h"
#include "shared/core/time.h"

namespace edge {

// Of requests that wait for a place.
struct QueueSettings {
  std::uint32_t size = 1000;  // in all workers together; 0: nobody waits
  shared::milliseconds timeout{1000};
};

// While more than a share of the capacity is in use, a tier gets no more of it.
struct ShedSettings {
  static constexpr double kNever = 2;

  shared::Mode mode = shared::Mode::disabled;
  std::vector<double> from;  // by TierId; who is not named is never shed

  [[nodiscard]] bool sheds(TierId tier, std::uint32_t in_flight, std::uint32_t capacity) const {
    const auto index = static_cast<std::size_t>(tier);
    const double share = index < from.size() ? from[index] : kNever;
    return capacity != 0 && static_cast<double>(in_flight) >= share * static_cast<double>(capacity);
  }
};

// Why a request gets no place now.
enum class Overload : std::uint8_t {
  none,
  full,  // it may wait in the pool's queue, if that has room
  shed,  // its tier is refused
};

}  // namespace edge
