#include "shared/serve/probe/probe_gate.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

namespace shared {

void ProbeGate::closed() {
  --open_;
  admit();
}

// On a turn of its own: whoever closes is in the middle of something.
void ProbeGate::admit() {
  if (waiting_.empty() || admitting_) return;
  admitting_ = true;
  asio::post(loop_, [self = shared_from_this()] {
    self->admitting_ = false;
    if (self->full() || self->waiting_.empty()) return;
    const auto begin = std::move(self->waiting_.front());
    self->waiting_.pop_front();
    begin();
    if (!self->full()) self->admit();
  });
}

void ProbeGate::spread(Duration interval, std::size_t targets) {
  gap_ = std::min<Duration>(kLongestGap, interval / static_cast<Duration::rep>(std::max<std::size_t>(1, targets)));
}

TimePoint ProbeGate::next_turn(TimePoint now) {
  const TimePoint turn = std::max(now, turn_);
  turn_ = turn + gap_;
  return turn;
}

}  // namespace shared
