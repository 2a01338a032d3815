#include "shared/serve/loop/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace shared {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

}  // namespace

void Deadline::unlink() {
  if (link_ == nullptr) return;
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
  next_ = nullptr;
  link_ = nullptr;
}

void TimerWheel::link(Deadline& deadline, std::int64_t tick) {
  const auto slot = static_cast<std::size_t>(tick % kSlots);
  Deadline*& head = slots_[slot];
  occupied_[slot / 64] |= std::uint64_t{1} << (slot % 64);
  deadline.slot_ = tick;
  deadline.next_ = head;
  deadline.link_ = &head;
  if (head != nullptr) head->link_ = &deadline.next_;
  head = &deadline;
}

void TimerWheel::set(Deadline& deadline, TimePoint due) {
  deadline.due_ = std::max(tick_at(due) + 1, current_ + 1);
  if (deadline.link_ != nullptr && deadline.slot_ <= deadline.due_) return;
  deadline.unlink();
  link(deadline, std::min(deadline.due_, current_ + kSlots - 1));
}

void TimerWheel::cancel(Deadline& deadline) { deadline.due_ = kNever; }

void TimerWheel::run_slot(std::int64_t tick) {
  const auto slot = static_cast<std::size_t>(tick % kSlots);
  Deadline*& head = slots_[slot];
  occupied_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
  // The slot is taken as a whole first: what callbacks set belongs to later ticks.
  Deadline* pending = head;
  if (pending == nullptr) return;
  head = nullptr;
  pending->link_ = &pending;
  while (pending != nullptr) {
    Deadline& deadline = *pending;
    deadline.unlink();
    if (deadline.due_ == kNever) continue;
    if (deadline.due_ > tick) {
      link(deadline, std::min(deadline.due_, current_ + kSlots - 1));
    } else {
      deadline.fire_(deadline.owner_);
    }
  }
}

void TimerWheel::advance(TimePoint now) {
  const std::int64_t target = tick_at(now);
  if (target <= current_) return;
  // After a long sleep every slot is visited once, which finds all that is due.
  std::int64_t tick = std::max(current_ + 1, target - kSlots + 1);
  current_ = target;
  for (; tick <= target; ++tick) {
    run_slot(tick);
  }
}

std::optional<Duration> TimerWheel::until_next(TimePoint now) const {
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
    return std::max(TimePoint(tick * kTick) - now, Duration::zero());
  }
  return std::nullopt;
}

}  // namespace shared
