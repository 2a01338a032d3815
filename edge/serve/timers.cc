#include "edge/serve/timers.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace edge {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

}  // namespace

void Timer::unlink() {
  if (link_ == nullptr) return;
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
  next_ = nullptr;
  link_ = nullptr;
}

void TimerWheel::link(Timer& timer, std::int64_t tick) {
  const auto slot = static_cast<std::size_t>(tick % kSlots);
  Timer*& head = slots_[slot];
  occupied_[slot / 64] |= std::uint64_t{1} << (slot % 64);
  timer.slot_ = tick;
  timer.next_ = head;
  timer.link_ = &head;
  if (head != nullptr) head->link_ = &timer.next_;
  head = &timer;
}

void TimerWheel::set(Timer& timer, shared::TimePoint due) {
  timer.due_ = std::max(tick_at(due) + 1, current_ + 1);
  if (timer.link_ != nullptr && timer.slot_ <= timer.due_) return;
  timer.unlink();
  link(timer, std::min(timer.due_, current_ + kSlots - 1));
}

void TimerWheel::cancel(Timer& timer) { timer.due_ = kNever; }

void TimerWheel::run_slot(std::int64_t tick) {
  const auto slot = static_cast<std::size_t>(tick % kSlots);
  Timer*& head = slots_[slot];
  occupied_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
  // The slot is taken as a whole first: what callbacks set belongs to later ticks.
  Timer* pending = head;
  if (pending == nullptr) return;
  head = nullptr;
  pending->link_ = &pending;
  while (pending != nullptr) {
    Timer& timer = *pending;
    timer.unlink();
    if (timer.due_ == kNever) continue;
    if (timer.due_ > tick) {
      link(timer, std::min(timer.due_, current_ + kSlots - 1));
    } else {
      timer.fire_(timer.owner_);
    }
  }
}

void TimerWheel::advance(shared::TimePoint now) {
  const std::int64_t target = tick_at(now);
  if (target <= current_) return;
  // After a long sleep every slot is visited once, which finds all that is due.
  std::int64_t tick = std::max(current_ + 1, target - kSlots + 1);
  current_ = target;
  for (; tick <= target; ++tick) {
    run_slot(tick);
  }
}

std::optional<shared::Duration> TimerWheel::until_next(shared::TimePoint now) const {
  std::int64_t tick = current_ + 1;
  const std::int64_t end = current_ + kSlots;
  while (tick < end) {
    const auto slot = static_cast<std::size_t>(tick % kSlots);
    const std::uint64_t rest = occupied_[slot / 64] >> (slot % 64);
    if (rest == 0) {
      tick += static_cast<std::int64_t>(64 - slot % 64);
      continue;
    }
    tick += std::countr_zero(rest);
    if (tick >= end) break;
    return std::max(shared::TimePoint(tick * kTick) - now, shared::Duration::zero());
  }
  return std::nullopt;
}

}  // namespace edge
