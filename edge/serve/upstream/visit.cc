#include "edge/serve/upstream/visit.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "edge/core/pool/breaker_share.h"
#include "shared/serve/os/log.h"

namespace edge {

Visit::Visit(const Books& books, const Destination& to, shared::TimePoint now)
    : books_(books),
      pool_(to.pool),
      server_(to.server),
      live_(books.live.server(to.server.id)),
      pool_live_(to.pool.counts_in_flight() ? &books.live.pool(to.pool.slot) : nullptr),
      permit_(to.permit),
      entered_as_(to.permit.kind),
      began_(now) {
  live_.requests.fetch_add(1, std::memory_order_relaxed);
  if (!permit_.has_place) {
    live_.in_flight.fetch_add(1, std::memory_order_relaxed);
    if (pool_live_ != nullptr) pool_live_->in_flight.fetch_add(1, std::memory_order_relaxed);
  }
  if (entered_as_ == BreakerPermit::Kind::shadowed) live_.breaker_shadowed.fetch_add(1, std::memory_order_relaxed);
}

// A permit that is given back unused asks for no clock: what its breaker's state is does not depend on it.
Visit::~Visit() {
  if (!left_) leave(BreakerOutcome::unknown, {}, began_);
}

ServerCounters& Visit::counters() const {
  return books_.servers.of(server_.id, live_.tenant.load(std::memory_order_relaxed));
}

std::uint64_t Visit::hear(FirstWord word, shared::TimePoint first_byte, shared::TimePoint now) {
  const shared::Duration took = std::max<shared::Duration>(first_byte - began_, shared::Duration(0));
  const auto micros = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  counters().latency.record(micros);
  remember_time(took, word, now);
  known_bad_ = word == FirstWord::bad;
  if (permit_.kind == BreakerPermit::Kind::probe && !known_bad_) {
    tell_breaker(BreakerOutcome::success, {}, now);
    permit_.kind = BreakerPermit::Kind::normal;  // should the rest fail, it is a failure like another
  }
  return micros;
}

void Visit::end(const VisitEnd& end, shared::TimePoint now) {
  ServerCounters& counted = counters();
  counted.responses[end.status < 600 ? end.status / 100 : 0].add();
  if (end.again) counted.retries.add();
  if (end.outcome == BreakerOutcome::failure) {
    live_.failures.fetch_add(1, std::memory_order_relaxed);
    live_.failures_in_a_row.fetch_add(1, std::memory_order_relaxed);
    const shared::TimePoint until = end.first_byte == shared::TimePoint{} ? now : end.first_byte;
    if (!known_bad_) remember_time(until - began_, FirstWord::bad, now);
  } else if (end.outcome == BreakerOutcome::success && live_.failures_in_a_row.load(std::memory_order_relaxed) != 0) {
    live_.failures_in_a_row.store(0, std::memory_order_relaxed);
  }
  leave(end.outcome, end.reason, now);
}

// Until the first byte of the answer; for least_time what failed counts as slow, however soon it did. An adaptive limit
// hears of answers alone: failures are the breaker's.
void Visit::remember_time(shared::Duration took, FirstWord word, shared::TimePoint now) {
  if (pool_.adaptive.mode != shared::Mode::disabled && word == FirstWord::good && pool_live_ != nullptr) {
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
    pool_live_->answer_us.fetch_add(static_cast<std::uint64_t>(micros), std::memory_order_relaxed);
    pool_live_->answers.fetch_add(1, std::memory_order_relaxed);
  }
  if (!pool_.measures_time()) return;
  const ResponseTimeRules& rules = pool_.response_time;
  if (word != FirstWord::good) took = std::max<shared::Duration>(took, rules.error);
  live_.response_time.observe(took, now, rules.half_life);
}

void Visit::leave(BreakerOutcome outcome, std::string_view reason, shared::TimePoint now) {
  left_ = true;
  live_.in_flight.fetch_sub(1, std::memory_order_relaxed);
  if (pool_live_ != nullptr) {
    pool_live_->in_flight.fetch_sub(1, std::memory_order_relaxed);
    pool_live_->releases.fetch_add(1, std::memory_order_release);
  }
  tell_breaker(outcome, reason, now);
}

void Visit::tell_breaker(BreakerOutcome outcome, std::string_view reason, shared::TimePoint now) {
  const auto seed =
      static_cast<std::uint64_t>(now.time_since_epoch().count()) ^ live_.requests.load(std::memory_order_relaxed);
  BreakerChange change = live_.breaker.report(permit_, outcome, pool_.breaker, now, seed, live_.state);
  if (change == BreakerChange::due) change = open_breaker(pool_, server_, books_.live, now, seed);
  if (change == BreakerChange::none) return;
  const bool opened = change == BreakerChange::opened;
  if (opened) live_.breaker_opened.fetch_add(1, std::memory_order_relaxed);
  shared::log_event(opened ? shared::Level::warn : shared::Level::info, opened ? "breaker_opened" : "breaker_closed",
                    {{"pool", pool_.name},
                     {"server", server_.name},
                     {"shadow", pool_.breaker.mode == shared::Mode::shadow},
                     {"reason", reason}});
}

}  // namespace edge
