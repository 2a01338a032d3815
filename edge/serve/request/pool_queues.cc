#include "edge/serve/request/pool_queues.h"

#include <atomic>

#include "edge/serve/request/ticket.h"

namespace edge {
namespace {

Ticket& ticket_of(const WaitLine::Place& place) { return *static_cast<Ticket*>(place.holder); }

// One of the pool's `size` for who waits in any worker.
bool take_seat(std::atomic<std::uint32_t>& waiting, std::uint32_t size) {
  std::uint32_t before = waiting.load(std::memory_order_relaxed);
  while (before < size) {
    if (waiting.compare_exchange_weak(before, before + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

// Of another worker: this one's own highest is `own`.
bool higher_waits(const PoolLive& live, TierId own) {
  for (std::size_t tier = static_cast<std::size_t>(own) + 1; tier < kMaxTiers; ++tier) {
    if (live.waiting_of_tier[tier].load(std::memory_order_relaxed) != 0) return true;
  }
  return false;
}

}  // namespace

PoolQueues::Line& PoolQueues::line_of(PoolSlot slot) {
  const auto index = static_cast<std::size_t>(slot);
  if (index >= lines_.size()) lines_.resize(index + 1);
  if (lines_[index] == nullptr) lines_[index] = std::make_unique<Line>();
  return *lines_[index];
}

bool PoolQueues::join(Ticket& ticket) {
  const Request& r = ticket.r_;
  PoolLive& live = r.pool_live();
  Line& line = line_of(r.pool().slot);
  const TierId tier = r.decision.at_pool.tier;
  const shared::TimePoint now = loop_.now();
  while (!take_seat(live.waiting, r.pool().queue.size)) {
    WaitLine::Place* last = line.waiting.last(tier, now);
    if (last == nullptr) return false;
    Ticket& out = ticket_of(*last);
    out.push_out();
    gave_way_.push_back(&out);
  }
  live.waiting_of_tier[static_cast<std::size_t>(tier)].fetch_add(1, std::memory_order_relaxed);
  live.queued.fetch_add(1, std::memory_order_relaxed);
  line.waiting.join(ticket.place_, tier, now);
  ++waiting_;
  keep_pulse();
  return true;
}

void PoolQueues::leave(Ticket& ticket) {
  Request& r = ticket.r_;
  PoolLive& live = r.pool_live();
  r.queued = loop_.now() - ticket.place_.since;
  line_of(r.pool().slot).waiting.leave(ticket.place_);
  live.waiting_of_tier[static_cast<std::size_t>(ticket.place_.tier)].fetch_sub(1, std::memory_order_relaxed);
  live.waiting.fetch_sub(1, std::memory_order_relaxed);
  --waiting_;
  keep_pulse();
}

void PoolQueues::keep_pulse() {
  const bool needed = waiting_ != 0 || !gave_way_.empty();
  loop_.pulse(needed ? shared::WorkerLoop::Pulse{.beat = &PoolQueues::on_pulse, .owner = this}
                     : shared::WorkerLoop::Pulse{});
}

// Tickets that are woken may join and leave, and a line may be added.
void PoolQueues::beat() {
  while (!gave_way_.empty()) {
    Ticket* ticket = gave_way_.back();
    gave_way_.pop_back();
    ticket->r_.exchange.waiter.wake();
  }
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (lines_[i] != nullptr && !lines_[i]->waiting.empty()) offer(*lines_[i]);
  }
  keep_pulse();
}

void PoolQueues::offer(Line& line) {
  const shared::TimePoint now = loop_.now();
  WaitLine::Place* first = line.waiting.next(now);
  const PoolLive& live = ticket_of(*first).r_.pool_live();
  const std::uint32_t releases = live.releases.load(std::memory_order_acquire);
  if (releases == line.releases && now - line.looked < kLookAnyway) return;
  line.looked = now;
  bool more = true;
  for (; more && first != nullptr; first = line.waiting.next(now)) {
    // Left to the worker that has it, which looks within a pulse; here it is looked at again, should that one pass.
    if (higher_waits(live, first->tier)) return;
    more = ticket_of(*first).offered();
  }
  line.releases = releases;
}

}  // namespace edge
