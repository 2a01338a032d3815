#pragma once
// Heartbeats: which of several counters has stood still for too long. Each worker's own loop moves a counter of its
// own; Control reads them all and asks here. A worker that is new, or a set of another size, begins afresh. Pure state,
// time is an argument; owned by whoever asks, one thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "shared/core/time.h"

namespace shared {

class Heartbeats {
 public:
  // Notes the counters as they are at `now`; the first that has not moved for longer than `limit`, as far as these
  // calls could see.
  [[nodiscard]] std::optional<std::size_t> stuck(std::span<const std::uint64_t> counts, TimePoint now, Duration limit);

 private:
  struct Seen {
    std::uint64_t count = 0;
    TimePoint since{};  // when it was first seen
  };

  std::vector<Seen> seen_;
};

}  // namespace shared
