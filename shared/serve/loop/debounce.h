#pragma once
// Debounce: one call for many causes: a short quiet time after the last of them, and no later than a bound after the
// first. Owned by whoever is called, on its loop.

#include <functional>

#include "shared/core/time.h"
#include "shared/serve/loop/loop.h"

namespace shared {

class Debounce {
 public:
  struct Times {
    Duration quiet = milliseconds(20);
    Duration longest = milliseconds(200);  // after the first cause
  };

  Debounce(Loop& loop, Times times, std::function<void()> call) : times_(times), call_(std::move(call)), timer_(loop) {}
  Debounce(const Debounce&) = delete;
  Debounce& operator=(const Debounce&) = delete;

  // There is cause for a call, which follows.
  void trigger();

 private:
  void wait();

  Times times_;
  std::function<void()> call_;
  Timer timer_;
  bool waiting_ = false;
  TimePoint first_{};
  TimePoint last_{};
};

}  // namespace shared
