#include "edge/serve/request/tries.h"

#include <algorithm>
#include <utility>

#include "edge/core/pool/places.h"
#include "edge/core/pool/pool_budget.h"
#include "edge/core/protect/retry.h"

namespace edge {

Tries::Tries(Request& request) : r_(request), hedge_at_(hedge_time()) {}

Tries::~Tries() {
  first_.reset();
  second_.reset();
  for (auto& work : works_) r_.context.upstream_works.give_back(std::move(work));
}

UpstreamWork& Tries::work_of(std::size_t slot) {
  if (works_[slot] == nullptr) works_[slot] = r_.context.upstream_works.take();
  return *works_[slot];
}

// When a second server may be asked, if the first has not been heard by then. Both may get the whole request, so only
// of methods that change nothing.
shared::TimePoint Tries::hedge_time() const {
  const HedgeSettings& hedge = r_.pool().retry.hedge;
  if (hedge.mode == shared::Mode::disabled || r_.asked.mirrored != nullptr) return shared::TimePoint::max();
  const http::RequestFraming& framing = r_.asked.framing;
  const bool bare = framing.body.kind == http::BodyKind::none && !framing.upgrade;
  if (!bare || !is_safe(r_.asked.head->method)) return shared::TimePoint::max();
  const std::uint64_t micros = r_.context.latency_window(r_.pool().slot).quantile(hedge.quantile);
  if (micros == 0) return shared::TimePoint::max();
  return r_.now() + std::max<shared::Duration>(hedge.min_delay, std::chrono::microseconds(micros));
}

Attempt::Target Tries::target_of(const PickedServer& picked) {
  if (picked.server == nullptr) {
    const Server* stale = std::exchange(stale_, nullptr);
    BreakerPermit permit = picked.permit;
    if (stale != nullptr && r_.pool().bounded) permit.has_place = take_place(r_.pool(), *stale, r_.context.live);
    if (r_.pool().bounded && !permit.has_place) stale = nullptr;
    return {.server = stale, .permit = permit, .connection = Attempt::Connection::fresh};
  }
  if (r_.decision.at_pool.last_resort) r_.pool_live().last_resorts.fetch_add(1, std::memory_order_relaxed);
  return {.server = picked.server, .permit = picked.permit, .connection = Attempt::Connection::any};
}

// The first has been picked before.
Attempt::Target Tries::next_target() {
  if (r_.attempts == 0) return target_of(r_.decision.first);
  const bool nobody_there = is_unreachable(r_.error.kind);
  const PickMoment moment{.addresses = *r_.snapshot->addresses,
                          .now = r_.now(),
                          .last_resort = nobody_there ? LastResort::allowed : LastResort::refused};
  shared::NullTrace trace;
  return target_of(next_server(r_.decision.at_pool, moment, r_.context.live, r_.context.balance, trace));
}

bool Tries::begin() {
  if (used_up()) return false;
  const Attempt::Target target = next_target();
  if (target.server == nullptr) {
    if (r_.attempts == 0) r_.fail({.kind = ErrorKind::no_server, .detail = why_no_server(r_.decision.at_pool)});
    return false;
  }
  if (r_.attempts > 0) note_again(r_.pool_live().retries);
  ++r_.attempts;
  r_.failed = false;
  lead().emplace(r_, target, work_of(lead_));
  lead()->begin();
  return true;
}

bool Tries::advance(Wake wake) {
  if (lead()->waiting()) lead()->step(wake);
  if (other()) {
    race(wake);
  } else if (lead()->waiting() && r_.now() >= hedge_at_) {
    hedge();
  }
  return lead()->waiting();
}

shared::TimePoint Tries::deadline() const {
  const shared::TimePoint due = slot(lead_)->deadline();
  const auto& second = slot(1 - lead_);
  return std::min(due, second ? second->deadline() : hedge_at_);
}

bool Tries::end() {
  Attempt& attempt = *lead();
  attempt.settle();
  attempt.write_times(r_);
  if (attempt.responding()) r_.status = attempt.status();
  r_.cut = !attempt.done() && attempt.responding();
  r_.done = attempt.done();
  if (r_.done) return false;
  r_.fail(attempt.error());
  const ErrorKind kind = attempt.error().kind;
  const bool unreachable = is_unreachable(kind) || kind == ErrorKind::connect_timeout;
  if (r_.decision.at_pool.last_resort && unreachable) {
    r_.error = {.kind = ErrorKind::no_server, .side = Side::upstream, .detail = "all servers are down, as checked"};
  }
  const bool again = may_try_again(attempt);
  if (again) {
    stale_ = attempt.stale() ? &attempt.server() : nullptr;
    if (attempt.stale()) ++dead_connections_;
    r_.body->rewind();
  }
  lead().reset();
  return again;
}

void Tries::note_again(std::atomic<std::uint64_t>& counter) {
  counter.fetch_add(1, std::memory_order_relaxed);
  r_.pool_live().again.fetch_add(1, std::memory_order_relaxed);
  r_.context.counters.retries.add();
}

// A kept connection that had died unheard was no try of a server.
bool Tries::used_up() const {
  const std::size_t most = r_.asked.mirrored != nullptr ? 1 : r_.pool().retry.attempts;
  return r_.attempts >= most + dead_connections_;
}

bool Tries::may_try_again(const Attempt& attempt) const {
  if (used_up() && !attempt.stale()) return false;
  const bool safe = safe_to_retry({.side = attempt.error().side,
                                   .connected = attempt.connected(),
                                   .answering = attempt.answering(),
                                   .idempotent = r_.idempotent,
                                   .replayable = r_.body->replayable()});
  const shared::milliseconds total = r_.found().route->timeouts.total;
  if (!safe || r_.now() >= r_.deadline || (total.count() > 0 && r_.now() >= r_.turn() + total)) return false;
  // Nor does it cost the pool anything.
  return attempt.stale() || (r_.decision.at_pool.tried_count < r_.pool().servers.size() && spend());
}

bool Tries::spend() const { return edge::spend(r_.pool(), r_.context.live, r_.now()); }

// The first is slow: the same to another server, if the budget allows it.
void Tries::hedge() {
  hedge_at_ = shared::TimePoint::max();
  if (lead()->heard() || r_.attempts >= kMaxAttempts) return;
  if (r_.pool().retry.hedge.mode == shared::Mode::shadow) {
    r_.pool_live().hedges_shadowed.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  stale_ = nullptr;
  if (!spend()) return;
  Attempt::Target target = next_target();
  if (target.server == nullptr) return;
  const auto& session = r_.decision.at_pool.session;
  target.hedges = true;
  target.races_session = session && &lead()->server() == &r_.pool().servers[*session];
  note_again(r_.pool_live().hedges);
  ++r_.attempts;
  r_.hedged = true;
  other().emplace(r_, target, work_of(1 - lead_));
  other()->begin();
}

// Whoever answers first is followed; the other is let go, unheard.
void Tries::race(Wake wake) {
  if (lead()->answering() || lead()->done()) return other().reset();
  if (other()->waiting()) other()->step(wake);
  if (other()->answering() || other()->done()) {
    r_.pool_live().hedges_won.fetch_add(1, std::memory_order_relaxed);
    lead().reset();
    lead_ = 1 - lead_;
  } else if (!other()->waiting()) {
    other()->settle();
    other().reset();
  } else if (!lead()->waiting()) {
    lead()->settle();
    lead().reset();
    lead_ = 1 - lead_;
  }
}

}  // namespace edge
