#include "edge/core/decide/next_server.h"

#include <atomic>
#include <span>
#include <string>
#include <string_view>

#include "edge/core/pool/places.h"
#include "shared/core/trace.h"

namespace edge {
namespace {

constexpr int kPicks = 64;  // as many are lost to others only when all is full

// Reasons that do not count when too few servers are left.
constexpr std::uint8_t kOverlookedInPanic =
    bit_of(Eligibility::down) | bit_of(Eligibility::ejected) | bit_of(Eligibility::breaker_open);

bool turn_to_last_resort(PoolRequest& request, LastResort last_resort) {
  if (request.last_resort || request.pool->when_all_down == WhenAllDown::refuse) return false;
  request.last_resort = last_resort == LastResort::allowed;
  return request.last_resort;
}

BreakerPermit knock(const Pool& pool, ServerLive& live, shared::TimePoint now) {
  return live.breaker.enter(pool.breaker, now, live.state);
}

BreakerPermit knock(const Pool& pool, const ServerLive& live, shared::TimePoint now) {
  return live.breaker.foresee(pool.breaker, now);
}

// A const Live is only looked at.
bool take(const Pool& pool, const Server& server, Live& live) { return take_place(pool, server, live); }
bool take(const Pool&, const Server&, const Live&) { return true; }
void give_back(const Pool& pool, const Server& server, Live& live) { give_place_back(pool, server, live); }
void give_back(const Pool&, const Server&, const Live&) {}

// Whether the pool lets nobody in now, whoever the server were.
template <class Trace>
bool keeps_out(const PoolRequest& request, const PickMoment& moment, const PoolLive& live, Trace& trace) {
  const std::uint32_t waiting = live.waiting.load(std::memory_order_relaxed);
  const bool queues_up = waiting != 0 && moment.turn == Turn::waits && request.tried_count == 0;
  if (queues_up) trace.note("queue", [&] { return std::to_string(waiting) + " wait for a place already"; });
  const bool full = is_full(*request.pool, live);
  if (full) {
    trace.note("full", [&] {
      return std::to_string(live.in_flight.load()) + " requests are at the pool, whose adaptive limit is " +
             std::to_string(limit_of(*request.pool, live));
    });
  }
  return queues_up || full;
}

// The server that is picked, where places are bounded with one of them taken: whoever was faster has filled another.
template <class AnyLive, class Trace>
const Server* pick_place(const Pool& pool, const PickContext& context, AnyLive& live, BalanceState& balance,
                         Trace& trace) {
  for (int i = 0; i < kPicks; ++i) {
    const Server* server = pick(pool, context, balance, trace);
    if (server == nullptr || !pool.bounded || take(pool, *server, live)) return server;
  }
  return nullptr;
}

// A permit beside the place; refused: neither.
template <class AnyLive>
BreakerPermit enter(const Pool& pool, const Server& server, AnyLive& live, const PickMoment& moment, bool panic) {
  BreakerPermit permit = knock(pool, live.server(server.id), moment.now);
  if (permit.refused() && panic) permit.kind = BreakerPermit::Kind::bypassed;
  if (!pool.bounded) return permit;
  permit.has_place = !permit.refused();
  if (permit.refused()) give_back(pool, server, live);
  return permit;
}

// Empty in the normal case.
std::string_view words_of(BreakerPermit::Kind kind) {
  switch (kind) {
    case BreakerPermit::Kind::refused:
      return "lets nobody through";
    case BreakerPermit::Kind::probe:
      return "half open: this request is a probe";
    case BreakerPermit::Kind::shadowed:
      return "would let nobody through, were it to be enforced";
    case BreakerPermit::Kind::bypassed:
      return "open, and not asked in a panic";
    case BreakerPermit::Kind::normal:
      break;
  }
  return {};
}

}  // namespace

std::string_view why_no_server(const PoolRequest& request) {
  if (request.overload == Overload::full) return "all servers of the pool are full";
  if (request.overload == Overload::shed) return "the pool is nearly full, and the tier gives way";
  return why_no_server(*request.pool);
}

template <class AnyLive, class Trace>
PickedServer next_server(PoolRequest& request, const PickMoment& moment, AnyLive& live, BalanceState& balance,
                         Trace& trace) {
  const Pool& pool = *request.pool;
  const bool panic = live.pool(pool.slot).panic.load(std::memory_order_relaxed);
  request.overload = Overload::none;
  if (pool.bounded && keeps_out(request, moment, live.pool(pool.slot), trace)) {
    request.overload = Overload::full;
    return {};
  }
  if (panic) trace.note("panic", [] { return std::string("too few servers are well: all are used"); });
  while (request.tried_count < PoolRequest::kMaxTried) {
    const std::uint8_t last = request.last_resort ? bit_of(Eligibility::down) : std::uint8_t{0};
    const PickContext context{.live = live,
                              .addresses = moment.addresses,
                              .tried = std::span(request.tried).first(request.tried_count),
                              .now = moment.now,
                              .overlook = panic ? kOverlookedInPanic : last,
                              .key = request.key,
                              .session = request.session,
                              .by_session = request.learned.end != SessionEnd::none};
    const Server* server = pick_place(pool, context, live, balance, trace);
    // Who is down is no help for who is busy.
    if (server == nullptr && pool.bounded && (is_full(pool, live.pool(pool.slot)) || any_full(pool, context))) {
      request.overload = Overload::full;
      break;
    }
    if (server == nullptr && !panic && turn_to_last_resort(request, moment.last_resort)) {
      trace.note("last_resort", [] { return std::string("all are down, as checked, and are tried all the same"); });
      continue;
    }
    if (server == nullptr) break;
    request.tried[request.tried_count++] = server->id;
    const BreakerPermit permit = enter(pool, *server, live, moment, panic);
    if (const std::string_view words = words_of(permit.kind); !words.empty()) {
      trace.note("breaker", [&] { return server->name + ": " + std::string(words); });
    }
    // Another worker took the last probe between our look at the server and our knock.
    if (permit.refused()) continue;
    return {.server = server, .permit = permit};
  }
  return {};
}

template PickedServer next_server(PoolRequest&, const PickMoment&, Live&, BalanceState&, shared::NullTrace&);
template PickedServer next_server(PoolRequest&, const PickMoment&, Live&, BalanceState&, shared::RecordingTrace&);
template PickedServer next_server(PoolRequest&, const PickMoment&, const Live&, BalanceState&, shared::RecordingTrace&);

}  // namespace edge
