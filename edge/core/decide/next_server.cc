#include "edge/core/decide/next_server.h"

#include <atomic>
#include <span>
#include <string>
#include <string_view>

#include "shared/core/trace.h"

namespace edge {
namespace {

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

template <class AnyLive, class Trace>
PickedServer next_server(PoolRequest& request, const PickMoment& moment, AnyLive& live, BalanceState& balance,
                         Trace& trace) {
  const Pool& pool = *request.pool;
  const bool panic = live.pool(pool.slot).panic.load(std::memory_order_relaxed);
  if (panic) trace.note("panic", [] { return std::string("too few servers are well: all are used"); });
  while (request.tried_count < PoolRequest::kMaxTried) {
    const std::uint8_t last = request.last_resort ? bit_of(Eligibility::down) : std::uint8_t{0};
    const PickContext context{.live = live,
                              .addresses = moment.addresses,
                              .tried = std::span(request.tried).first(request.tried_count),
                              .now = moment.now,
                              .overlook = panic ? kOverlookedInPanic : last,
                              .key = request.key,
                              .session = request.session};
    const Server* server = pick(pool, context, balance, trace);
    if (server == nullptr && !panic && turn_to_last_resort(request, moment.last_resort)) {
      trace.note("last_resort", [] { return std::string("all are down, as checked, and are tried all the same"); });
      continue;
    }
    if (server == nullptr) break;
    request.tried[request.tried_count++] = server->id;
    BreakerPermit permit = knock(pool, live.server(server->id), moment.now);
    if (permit.refused() && panic) permit.kind = BreakerPermit::Kind::bypassed;
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
