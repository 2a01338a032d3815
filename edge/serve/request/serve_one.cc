#include "edge/serve/request/serve_one.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "edge/core/pool/balance.h"
#include "edge/core/pool/pool_budget.h"
#include "edge/core/pool/request_key.h"
#include "edge/core/snapshot/region_health.h"
#include "edge/serve/request/attempt.h"
#include "edge/serve/request/decide.h"
#include "edge/serve/request/health_page.h"
#include "edge/serve/request/request.h"
#include "shared/http/status.h"

namespace edge {
namespace {

// The answer is given: no pool is asked.
bool answered(Request& r, std::uint16_t status, std::string_view reason) {
  r.status = status;
  r.reason = reason;
  return false;
}

bool refuse(Request& r, const http::Refusal& refusal) {
  OwnResponse response = own_error(refusal.status);
  // After a request that breaks the protocol nothing on this connection can be trusted.
  response.persistence = refusal.status == 400 ? http::Persistence::close : http::Persistence::keep;
  if (refusal.status == 405) response.allow = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";
  r.exchange.respond(response);
  r.refused = true;
  return answered(r, refusal.status, refusal.reason);
}

bool answer_health(Request& r) {
  const HealthPage page = health_page(*r.snapshot, r.context.live);
  OwnResponse response;
  response.status = page.status;
  response.body = page.body;
  response.content_type = "application/json";
  response.persistence = http::Persistence::keep;
  r.exchange.respond(response);
  return answered(r, page.status, {});
}

bool match(Request& r) {
  shared::NullTrace trace;
  const Looked looked{.snapshot = *r.snapshot, .head = r.exchange.head(), .scratch = r.exchange.work().target};
  if (const auto refusal = identify_request(looked, r.found, trace)) return refuse(r, *refusal);
  if (r.found.target.path == kHealthPath) return answer_health(r);
  if (const auto refusal = match_request(looked, r.found, trace)) return refuse(r, *refusal);
  return true;
}

// What the route does when it leads to no pool.
bool answer(Request& r, const Respond& respond) {
  OwnResponse response;
  response.status = respond.status;
  response.body = respond.body;
  response.content_type = respond.content_type;
  response.persistence = http::Persistence::keep;
  response.rules = &r.found.route->response_rules;
  r.exchange.respond(response);
  return answered(r, respond.status, {});
}

bool answer(Request& r, const Redirect& redirect) {
  const std::string location = redirect_location(redirect, r.found.target);
  OwnResponse response = own_error(redirect.status);
  response.location = location;
  response.rules = &r.found.route->response_rules;
  r.exchange.respond(response);
  return answered(r, redirect.status, {});
}

// When a second server may be asked, if the first has not been heard by then. Both may get the whole request, so only
// of methods that change nothing.
shared::TimePoint hedge_time(const Request& r) {
  const HedgeSettings& hedge = r.pool->retry.hedge;
  if (hedge.mode == shared::Mode::disabled) return shared::TimePoint::max();
  const http::RequestFraming& framing = r.exchange.framing();
  const bool bare = framing.body.kind == http::BodyKind::none && !framing.upgrade;
  if (!bare || !http::is_safe(r.exchange.head().method)) return shared::TimePoint::max();
  const std::uint64_t micros = r.context.latency_window(r.pool->slot).quantile(hedge.quantile);
  if (micros == 0) return shared::TimePoint::max();
  return r.now() + std::max<shared::Duration>(hedge.min_delay, std::chrono::microseconds(micros));
}

bool answer(Request& r, PoolId pool) {
  r.pool = &r.snapshot->pools->effective(pool);
  r.idempotent = http::is_idempotent(r.exchange.head().method);
  r.body.emplace(r.exchange, r.exchange.work().kept_body, r.idempotent ? r.pool->retry.buffer : 0);
  r.hedge_at = hedge_time(r);
  const std::string_view fresh = r.context.request_ids.fresh();
  const std::string_view id = request_id_of(r.exchange.head().fields, r.found.client, fresh);
  std::ranges::copy(fresh, r.fresh_id.begin());
  r.request_id = id.data() == fresh.data() ? std::string_view(r.fresh_id.data(), r.fresh_id.size()) : id;
  return true;
}

bool admit(Request& r) {
  shared::NullTrace trace;
  if (const auto refusal = admit(r.found, trace)) return refuse(r, *refusal);
  return std::visit([&r](const auto& action) { return answer(r, action); }, r.found.route->action);
}

// Reasons that do not count when too few servers are left.
constexpr std::uint8_t kOverlookedInPanic =
    bit_of(Eligibility::down) | bit_of(Eligibility::ejected) | bit_of(Eligibility::breaker_open);

// No server is left: those that checks call down are tried before the pool is given up. Not by a request that has just
// failed at one that is well: the next might cost it more than an answer.
bool turn_to_last_resort(Request& r) {
  if (r.last_resort || r.pool->when_all_down == WhenAllDown::refuse) return false;
  r.last_resort = r.attempts == 0 || r.error.kind == ErrorKind::connect_refused;
  return r.last_resort;
}

// The next server and a permit of its breaker.
Attempt::Target pick(Request& r) {
  shared::NullTrace trace;
  const bool panic = r.pool_live().panic.load(std::memory_order_relaxed);
  const http::FieldList& fields = r.exchange.head().fields;
  const KeySource source{.client = r.found.client.address, .fields = fields, .path = r.found.target.path};
  const std::uint64_t key = request_key(*r.pool, source);
  r.session = session_of(*r.pool, fields);
  while (r.tried_count < Request::kMaxTried) {
    const std::uint8_t last = r.last_resort ? bit_of(Eligibility::down) : std::uint8_t{0};
    const PickContext context{.live = r.context.live,
                              .addresses = *r.snapshot->addresses,
                              .tried = std::span(r.tried).first(r.tried_count),
                              .now = r.now(),
                              .overlook = panic ? kOverlookedInPanic : last,
                              .key = key,
                              .session = r.session};
    const Server* server = pick(*r.pool, context, r.context.balance, trace);
    if (server == nullptr && !panic && turn_to_last_resort(r)) continue;
    if (server == nullptr) break;
    r.tried[r.tried_count++] = server->id;
    ServerLive& live = r.context.live.server(server->id);
    BreakerPermit permit = live.breaker.enter(r.pool->breaker, r.now(), live.state);
    if (permit.kind == BreakerPermit::Kind::shadowed) live.breaker_shadowed.fetch_add(1, std::memory_order_relaxed);
    if (permit.refused() && panic) permit.kind = BreakerPermit::Kind::bypassed;
    // Another worker took the last probe between our look at the server and our knock.
    if (permit.refused()) continue;
    if (r.last_resort) r.pool_live().last_resorts.fetch_add(1, std::memory_order_relaxed);
    return {.server = server, .permit = permit, .connection = Attempt::Connection::any};
  }
  const BreakerPermit none{.kind = BreakerPermit::Kind::bypassed, .era = 0};
  return {.server = std::exchange(r.stale, nullptr), .permit = none, .connection = Attempt::Connection::fresh};
}

// Whether the pool may be asked once more for this request, beyond its own share.
bool spend(Request& r) {
  PoolLive& live = r.pool_live();
  earn(*r.pool, r.context.live, r.now());
  if (live.budget.spend()) return true;
  live.budget_refusals.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void fail(Request& r, const Error& error) {
  r.error = error;
  r.failed = true;
}

// The attempts of a request: the one that leads, and for a while perhaps a second one that races it.
class Tries {
 public:
  explicit Tries(Request& request) : r_(request) {}
  ~Tries() {
    for (auto& slot : slots_) slot.reset();
    for (auto& work : works_) r_.context.upstream_works.give_back(std::move(work));
  }
  Tries(const Tries&) = delete;
  Tries& operator=(const Tries&) = delete;

  // False: none is left to try.
  bool begin() {
    if (used_up()) return false;
    const Attempt::Target target = pick(r_);
    if (target.server == nullptr) {
      if (r_.attempts == 0) fail(r_, {.kind = ErrorKind::no_server, .detail = why_no_server(*r_.pool)});
      return false;
    }
    if (r_.attempts > 0) note_again(r_.pool_live().retries);
    ++r_.attempts;
    r_.failed = false;
    lead().emplace(r_, target, work_of(lead_));
    lead()->begin();
    return true;
  }

  [[nodiscard]] bool waiting() const { return slots_[lead_]->waiting(); }

  // True while there is something to wait for.
  bool advance(Wake wake) {
    if (lead()->waiting()) lead()->step(wake);
    if (other()) {
      race(wake);
    } else if (lead()->waiting() && r_.now() >= r_.hedge_at) {
      hedge();
    }
    return lead()->waiting();
  }

  [[nodiscard]] shared::TimePoint deadline() const {
    const shared::TimePoint due = slots_[lead_]->deadline();
    const auto& second = slots_[1 - lead_];
    return std::min(due, second ? second->deadline() : r_.hedge_at);
  }

  // The leading attempt has ended. True: another one may be made.
  bool end() {
    Attempt& attempt = *lead();
    attempt.settle();
    attempt.write_times(r_);
    if (attempt.responding()) r_.status = attempt.status();
    r_.cut = !attempt.done() && attempt.responding();
    r_.done = attempt.done();
    if (r_.done) return false;
    fail(r_, attempt.error());
    const ErrorKind kind = attempt.error().kind;
    if (r_.last_resort && (kind == ErrorKind::connect_refused || kind == ErrorKind::connect_timeout)) {
      r_.error = {.kind = ErrorKind::no_server, .side = Side::upstream, .detail = "all servers are down, as checked"};
    }
    const bool again = may_try_again(attempt);
    if (again) {
      r_.stale = attempt.stale() ? &attempt.server() : nullptr;
      if (attempt.stale()) ++r_.dead_connections;
      r_.body->rewind();
    }
    lead().reset();
    return again;
  }

 private:
  std::optional<Attempt>& lead() { return slots_[lead_]; }
  std::optional<Attempt>& other() { return slots_[1 - lead_]; }

  UpstreamWork& work_of(std::size_t slot) {
    if (works_[slot] == nullptr) works_[slot] = r_.context.upstream_works.take();
    return *works_[slot];
  }

  void note_again(std::atomic<std::uint64_t>& counter) {
    counter.fetch_add(1, std::memory_order_relaxed);
    r_.pool_live().again.fetch_add(1, std::memory_order_relaxed);
    r_.context.counters.retries.add();
  }

  // A kept connection that had died unheard was no try of a server.
  [[nodiscard]] bool used_up() const { return r_.attempts >= r_.pool->retry.attempts + r_.dead_connections; }

  [[nodiscard]] bool may_try_again(const Attempt& attempt) const {
    if (used_up() && !attempt.stale()) return false;
    const bool safe = safe_to_retry({.side = attempt.error().side,
                                     .connected = attempt.connected(),
                                     .answering = attempt.answering(),
                                     .idempotent = r_.idempotent,
                                     .replayable = r_.body->replayable()});
    const shared::milliseconds total = r_.found.route->timeouts.total;
    if (!safe || (total.count() > 0 && r_.now() >= r_.exchange.head_read() + total)) return false;
    // Nor does it cost the pool anything.
    return attempt.stale() || (r_.tried_count < r_.pool->servers.size() && spend(r_));
  }

  // The first is slow: the same to another server, if the budget allows it.
  void hedge() {
    r_.hedge_at = shared::TimePoint::max();
    if (lead()->heard() || r_.attempts >= kMaxAttempts) return;
    if (r_.pool->retry.hedge.mode == shared::Mode::shadow) {
      r_.pool_live().hedges_shadowed.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    r_.stale = nullptr;
    if (!spend(r_)) return;
    Attempt::Target target = pick(r_);
    if (target.server == nullptr) return;
    target.visiting = r_.session && &lead()->server() == &r_.pool->servers[*r_.session];
    note_again(r_.pool_live().hedges);
    ++r_.attempts;
    r_.hedged = true;
    other().emplace(r_, target, work_of(1 - lead_));
    other()->begin();
  }

  // Whoever answers first is followed; the other is let go, unheard.
  void race(Wake wake) {
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

  Request& r_;
  std::array<std::unique_ptr<UpstreamWork>, 2> works_;  // before the attempts that use them
  std::array<std::optional<Attempt>, 2> slots_;
  std::size_t lead_ = 0;
};

void answer_error(Request& r) {
  r.reason = r.error.detail;
  if (r.cut) return r.exchange.cut();
  r.status = status_of(r.error.kind);
  if (r.error.kind == ErrorKind::client_closed) return r.exchange.cut();
  OwnResponse response = own_error(r.status);
  response.rules = &r.found.route->response_rules;
  r.exchange.respond(response);
}

std::uint64_t micros_since(const Request& r, shared::TimePoint then) {
  if (then == shared::TimePoint{}) return 0;
  const auto span = std::chrono::duration_cast<std::chrono::microseconds>(then - r.exchange.began());
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, span.count()));
}

char ending_of(const Request& r) {
  if (r.cut) return r.error.side == Side::client ? ending_of(r.error.kind) : kEndedCut;
  if (r.failed) return ending_of(r.error.kind);
  return r.refused ? kEndedRefused : kEndedWell;
}

// Empty in the normal case.
std::string_view breaker_word(BreakerPermit::Kind kind) {
  if (kind == BreakerPermit::Kind::probe) return "probe";
  return kind == BreakerPermit::Kind::shadowed ? "shadow" : std::string_view();
}

void log_access(Request& r, AccessLane& lane, std::uint64_t total_us) {
  const RequestTarget& target = r.found.target;
  const bool matched = r.found.route != nullptr;
  lane.write({.time = std::chrono::system_clock::now() - std::chrono::microseconds(total_us),
              .client = r.found.client.address,
              .method = r.exchange.head().method_text,
              .host = target.host,
              .path = target.kept.empty() ? r.exchange.head().target : target.kept,
              .route = matched ? std::string_view(r.found.route->name) : std::string_view(),
              .tier = r.snapshot->tiers->name(r.found.tier),
              .pool = r.pool != nullptr ? std::string_view(r.pool->name) : std::string_view(),
              .server = r.server != nullptr ? std::string_view(r.server->name) : std::string_view(),
              .request_id = r.request_id,
              .status = r.status,
              .octets_in = r.exchange.body_octets(),
              .octets_out = r.exchange.octets_sent(),
              .head_us = micros_since(r, r.exchange.head_read()),
              .picked_us = micros_since(r, r.picked),
              .connected_us = micros_since(r, r.connected),
              .first_byte_us = micros_since(r, r.first_byte),
              .total_us = total_us,
              .attempts = static_cast<std::uint32_t>(r.attempts),
              .ending = ending_of(r),
              .hedged = r.hedged,
              .breaker = breaker_word(r.permit),
              .reason = r.reason,
              .more = &r.snapshot->settings->access_log,
              .query = target.query,
              .fields = &r.exchange.head().fields});
}

// A probe of the DNS tier, or of somebody else who wants to know.
bool asks_health(const Request& r) { return r.found.route == nullptr && r.found.target.path == kHealthPath; }

void account(Request& r) {
  Counters& counters = r.context.counters;
  const std::uint64_t total_us = micros_since(r, r.now());
  counters.duration.record(total_us);
  counters.responses[r.status < 600 ? r.status / 100 : 0].add();
  counters.octets_in.add(r.exchange.body_octets());
  counters.octets_out.add(r.exchange.octets_sent());
  if (r.failed) counters.errors[static_cast<std::size_t>(r.error.kind)].add();
  if (r.failed && r.status >= 502 && r.status <= 504) {
    r.context.failures.report(r.server != nullptr ? std::string_view(r.server->name) : std::string_view(r.pool->name),
                              r.status, r.reason, r.now());
  }
  AccessLane* lane = r.context.lane;
  if (lane != nullptr && (r.snapshot->settings->access_log.probes || !asks_health(r))) log_access(r, *lane, total_us);
}

}  // namespace

Task<> serve_one(Exchange& exchange, WorkerContext& context) {
  Request request(exchange, context);
  Waiter& waiter = exchange.waiter();
  if (match(request) && admit(request)) {
    Tries tries(request);
    bool more = tries.begin();
    while (more) {
      bool waiting = tries.waiting();
      while (waiting) {
        const shared::TimePoint deadline = tries.deadline();
        const Wake wake = co_await waiter.until(deadline);
        waiting = tries.advance(wake);
      }
      more = tries.end() && tries.begin();
    }
    if (!request.done) answer_error(request);
  }
  shared::TimePoint send_deadline = request.now() + request.snapshot->settings->timeouts.send;
  Sent sent = exchange.flush();
  while (sent == Sent::blocked) {
    const Wake wake = co_await waiter.until(send_deadline);
    if (wake == Wake::deadline && send_deadline <= request.now()) exchange.cut();
    sent = wake == Wake::deadline ? Sent::failed : exchange.flush();
  }
  account(request);
}

OwnResponse own_error(std::uint16_t status) {
  OwnResponse response;
  response.status = status;
  response.body = http::reason_phrase(status);
  response.persistence = http::Persistence::keep;
  return response;
}

void account_refusal(WorkerContext& context, const Exchange& exchange, const http::Refusal& refusal) {
  Counters& counters = context.counters;
  counters.responses[refusal.status / 100].add();
  const bool slow = refusal.status == 408;
  counters.errors[static_cast<std::size_t>(slow ? ErrorKind::request_timeout : ErrorKind::bad_request)].add();
  AccessLane* lane = context.lane;
  if (lane == nullptr) return;
  AccessRecord record;
  record.time = std::chrono::system_clock::now();
  record.client = exchange.peer();
  record.status = refusal.status;
  record.ending = slow ? ending_of(ErrorKind::request_timeout) : kEndedRefused;
  record.reason = refusal.reason;
  lane->write(record);
}

}  // namespace edge
