#include "shared/serve/probe/stall_watch.h"

namespace shared {
namespace {

constexpr milliseconds kBeat{100};

}  // namespace

struct StallWatch::State {
  Timer timer;
  Duration threshold;
  TimePoint due{};         // of the next beat
  TimePoint last_stall{};  // when one ended
};

StallWatch::StallWatch(Loop& loop, Duration threshold)
    : state_(std::make_shared<State>(State{Timer(loop), threshold})) {
  state_->due = Clock::now() + kBeat;
  beat(state_);
}

StallWatch::~StallWatch() { state_->timer.cancel(); }

void StallWatch::beat(const std::shared_ptr<State>& state) {
  const TimePoint now = Clock::now();
  if (now - state->due > state->threshold) state->last_stall = now;
  state->due = now + kBeat;
  state->timer.expires_at(state->due);
  state->timer.async_wait([weak = std::weak_ptr<State>(state)](error_code error) {
    if (error) return;
    if (const auto live = weak.lock()) beat(live);
  });
}

bool StallWatch::stalled_since(TimePoint since) const {
  // The loop may come out of a stall into this very question, before the beat that is overdue.
  return state_->last_stall > since || Clock::now() - state_->due > state_->threshold;
}

}  // namespace shared
