#pragma once
// StallWatch: knows whether its own loop stood still: a handler that took too long, a machine that was suspended, a
// process that was stopped. What a stalled loop failed to see says nothing about its peers. A timer that beats every
// 100 ms; owned by what asks, control loop.

#include <memory>

#include "shared/core/time.h"
#include "shared/serve/loop/loop.h"

namespace shared {

class StallWatch {
 public:
  // Late by more than `threshold` is a stall.
  StallWatch(Loop& loop, Duration threshold);
  ~StallWatch();
  StallWatch(const StallWatch&) = delete;
  StallWatch& operator=(const StallWatch&) = delete;

  // Whether the loop stalled at any time from `since` to now.
  [[nodiscard]] bool stalled_since(TimePoint since) const;

 private:
  struct State;
  static void beat(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace shared
