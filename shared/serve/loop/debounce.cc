#include "shared/serve/loop/debounce.h"

#include <algorithm>
#include <utility>

namespace shared {

void Debounce::trigger() {
  last_ = Clock::now();
  if (std::exchange(waiting_, true)) return;
  first_ = last_;
  wait();
}

// The timer is set once for many causes, and looks at the last of them when it ends.
void Debounce::wait() {
  const TimePoint due = std::min(last_ + times_.quiet, first_ + times_.longest);
  timer_.expires_at(due);
  timer_.async_wait([this, due](error_code error) {
    if (error) return;
    if (due < std::min(last_ + times_.quiet, first_ + times_.longest)) return wait();
    waiting_ = false;
    call_();
  });
}

}  // namespace shared
