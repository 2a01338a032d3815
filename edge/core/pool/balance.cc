#include "edge/core/pool/balance.h"

#include <algorithm>
#include <string>

#include "edge/core/pool/hash_slots.h"
#include "edge/core/pool/learned_sessions.h"
#include "edge/core/pool/least.h"
#include "shared/http/cookie.h"

namespace edge {
namespace {

constexpr std::uint32_t kDraws = 16;         // of random choices, before all are looked at
constexpr std::uint32_t kTurns = 64;         // of an order without anybody, before all are looked at
constexpr std::uint32_t kHashAttempts = 64;  // slots of a key, before all are looked at
constexpr double kUnmeasuredUs = 1e6;        // a first answer that is still out
constexpr shared::milliseconds kCountEvery{100};

// The first allowed from a place on, whatever its share: the way out of everything that draws.
template <class Trace>
const Server* first_from(const std::vector<std::uint16_t>& members, std::uint32_t start, const PickView<Trace>& view) {
  const auto count = static_cast<std::uint32_t>(members.size());
  for (std::uint32_t step = 0, at = count == 0 ? 0 : start % count; step < count; ++step) {
    const Server& server = view.server(members[at]);
    if (++at == count) at = 0;
    if (view.share(server) != 0) return &server;
  }
  return nullptr;
}

template <class Trace>
bool any_usable(const std::vector<std::uint16_t>& members, const PickView<Trace>& view) {
  return std::any_of(members.begin(), members.end(),
                     [&view](std::uint16_t index) { return usable(view.pool, view.server(index), view.context); });
}

// Whether a server of reduced share is passed this time; `thinning` walks round 2^32 in steps of the golden ratio.
bool thinned_out(std::uint32_t& thinning, std::uint32_t share) {
  thinning += 0x9E3779B9U;
  return thinning >> 24U >= share;
}

// (Smooth weighted) round robin: on from the worker's cursor to the first that is allowed. The cursor moves behind the
// one that was taken, so those that are skipped leave the others' proportions as they are. A server of reduced share is
// passed as often as its share says, evenly.
template <class Trace>
const Server* pick_from(const Sequence& sequence, const PickView<Trace>& view) {
  const auto length = static_cast<std::uint32_t>(sequence.order.size());
  BalanceState::Cursor& cursor = view.cursor();
  const Server* passed = nullptr;
  std::uint32_t at = length == 0 ? 0 : wrapped(cursor.position, length);
  for (std::uint32_t step = 0; step < length; ++step) {
    if (step == kTurns && passed == nullptr && !any_usable(sequence.members, view)) return nullptr;
    const Server& server = view.server(sequence.order[at]);
    if (++at == length) at = 0;
    const std::uint32_t share = view.share(server);
    if (share == 0) continue;
    if (share < kFullShare && thinned_out(cursor.thinning, share)) {
      if (passed == nullptr) passed = &server;
      continue;
    }
    cursor.position = at;
    return &server;
  }
  return passed;
}

template <class Trace>
const Server* pick_from(const LeastConnections& selector, const PickView<Trace>& view) {
  return least_of(selector.compared, view, [](const ServerLive& live, std::uint32_t weight, std::uint32_t more) {
    return load_of(live, weight, more);
  });
}

// What a request would wait: the mean answer, once for each request that is there already, for the weight. A server
// that was never measured gets one request and no second before the first is answered.
template <class Trace>
const Server* pick_from(const LeastTime& selector, const PickView<Trace>& view) {
  const Fading fading(view.context.now, view.pool.response_time.half_life);
  return least_of(selector.compared, view, [fading](const ServerLive& live, std::uint32_t weight, std::uint32_t more) {
    const double mean = live.response_time.mean_us(fading);
    if (mean == 0) [[unlikely]]
      return kUnmeasuredUs * load_of(live, weight, more - 1);
    return mean * load_of(live, weight, more);
  });
}

// A draw of an allowed server other than `not_this`, by weight and share; null when luck had none.
template <class Trace>
const Server* draw(const RandomTwo& selector, const PickView<Trace>& view, const Server* not_this, double& load) {
  const auto count = static_cast<std::uint32_t>(selector.order.size());
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    const std::uint64_t drawn = view.state.draw();
    const Server& server = view.server(selector.order[shared::hash_to_index(drawn, count)]);
    if (&server == not_this) continue;
    const std::uint32_t share = view.share(server);
    if (share == 0 || (drawn & 0xFFU) >= share) continue;
    load = load_of(view.live(server.id), server.weight * share);
    return &server;
  }
  return nullptr;
}

template <class Trace>
const Server* pick_from(const RandomTwo& selector, const PickView<Trace>& view) {
  if (selector.order.empty()) return nullptr;
  double first_load = 0;
  const Server* first = draw(selector, view, nullptr, first_load);
  if (first == nullptr) return first_from(selector.members, view.cursor().position++, view);
  double second_load = 0;
  const Server* second = draw(selector, view, first, second_load);
  return second != nullptr && second_load < first_load ? second : first;
}

// How much weight may be picked now: looked at now and then only, since it means looking at all.
template <class Trace>
std::uint32_t allowed_weight(const HashSlots& selector, const PickView<Trace>& view) {
  BalanceState::Cursor& cursor = view.cursor();
  if (cursor.allowed_weight != 0 && view.context.now - cursor.counted < kCountEvery) return cursor.allowed_weight;
  cursor.counted = view.context.now;
  cursor.allowed_weight = 0;
  for (const std::uint16_t index : selector.members) {
    const Server& server = view.server(index);
    if (usable(view.pool, server, view.context)) cursor.allowed_weight += server.weight;
  }
  return cursor.allowed_weight;
}

// Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam 2016): a server takes no more than its part
// of what is in flight in the whole pool, times the bound.
template <class Trace>
bool has_room(const HashSlots& selector, const PickView<Trace>& view, const Server& server) {
  if (selector.bound_percent == 0) return true;
  const std::uint64_t total = view.context.live.pool(view.pool.slot).in_flight.load(std::memory_order_relaxed) + 1ULL;
  const std::uint64_t all = std::uint64_t{std::max(allowed_weight(selector, view), 1U)} * 100;
  const std::uint64_t bound = (total * server.weight * selector.bound_percent + all - 1) / all;
  return view.live(server.id).in_flight.load(std::memory_order_relaxed) < bound;
}

template <class Trace>
const Server* pick_from(const HashSlots& selector, const PickView<Trace>& view) {
  if (selector.slots.empty()) return nullptr;
  const Server* fallback = nullptr;
  double least = 0;
  for (std::uint32_t attempt = 0; attempt < kHashAttempts; ++attempt) {
    const Server& server = view.server(selector.slots[slot_of(view.context.key, attempt)]);
    const std::uint32_t share = view.share(server);
    if (share == 0) continue;
    // Of a server with a reduced share, always the same keys leave.
    const bool kept = share == kFullShare || (shared::mix(view.context.key ^ attempt) & 0xFFU) < share;
    if (kept && has_room(selector, view, server)) return &server;
    const double load = load_of(view.live(server.id), server.weight * share);
    if (fallback != nullptr && load >= least) continue;
    fallback = &server;
    least = load;
  }
  if (fallback != nullptr) return fallback;
  const auto count = static_cast<std::uint32_t>(selector.members.size());
  return first_from(selector.members, shared::hash_to_index(view.context.key, count), view);
}

std::string_view why_not(const Pool& pool, const Server& server, const PickContext& context) {
  const std::string_view reason = out_of_reach(server.id, context);
  if (!reason.empty()) return reason;
  const ServerLive& live = context.live.server(server.id);
  const std::string_view against = forbidden(standing_of(live.state, pool.slow_start, context.now, context.overlook));
  if (!against.empty()) return against;
  return pool.bounded && is_full(server, live) ? kFull : std::string_view();
}

// A session goes on at a draining server if the pool says so; every other reason sends it elsewhere.
template <class Trace>
const Server* pick_session(const PickView<Trace>& view) {
  if (!view.context.session || *view.context.session >= view.pool.servers.size()) return nullptr;
  const Server& server = view.server(*view.context.session);
  PickContext bound = view.context;
  if (view.pool.sticky.while_draining)
    bound.overlook = static_cast<std::uint8_t>(bound.overlook | bit_of(Eligibility::draining));
  const std::string_view reason = why_not(view.pool, server, bound);
  if (reason.empty()) return &server;
  view.trace.note("session", [&] { return server.name + ": " + std::string(reason); });
  return nullptr;
}

std::string_view words_of(const Selector& selector) {
  constexpr std::string_view kWords[] = {"its turn", "the fewest requests for its weight",
                                         "the least time to wait for its weight",
                                         "the less loaded of two drawn by chance", "by the request's hash"};
  return kWords[selector.index()];
}

}  // namespace

BalanceState::Cursor& BalanceState::cursor(PoolId pool) {
  const auto index = static_cast<std::size_t>(pool);
  while (index >= cursors_.size()) cursors_.push_back({.position = seed_, .thinning = seed_});
  return cursors_[index];
}

std::optional<std::uint16_t> session_of(const Pool& pool, const http::FieldList& fields) {
  if (!pool.sticky.enabled()) return std::nullopt;
  return pool.sticky.find(http::find_cookie(fields, pool.sticky.cookie));
}

bool usable(const Pool& pool, const Server& server, const PickContext& context) {
  return why_not(pool, server, context).empty();
}

bool any_full(const Pool& pool, const PickContext& context) {
  return std::any_of(pool.servers.begin(), pool.servers.end(), [&](const Server& server) {
    return is_full(server, context.live.server(server.id)) && why_not(pool, server, context) == kFull;
  });
}

template <class Trace>
const Server* pick(const Pool& pool, const PickContext& context, BalanceState& state, Trace& trace) {
  const PickView<Trace> view{.pool = pool, .context = context, .state = state, .trace = trace};
  const auto from = [&](const Selector& selector) {
    return std::visit([&](const auto& kind) { return pick_from(kind, view); }, selector);
  };
  const Server* picked = pick_session(view);
  if (picked != nullptr) {
    const std::string_view why =
        pool.sticky.learned != nullptr ? ", which has its session" : ", by its session's cookie";
    trace.note("pick", [&] { return picked->name + std::string(why); });
    return picked;
  }
  if (context.by_session && pool.sticky.learned != nullptr) {
    for (const Selector& one : pool.sticky.learned->order) {
      if ((picked = from(one)) != nullptr) break;
    }
    if (picked != nullptr) trace.note("pick", [&] { return picked->name + ", by its session's hash"; });
    return picked;
  }
  picked = from(pool.selector);
  if (picked != nullptr) {
    trace.note("pick", [&] { return picked->name + ", " + std::string(words_of(pool.selector)); });
    return picked;
  }
  for (auto spare = pool.spares.begin(); picked == nullptr && spare != pool.spares.end(); ++spare) {
    picked = from(*spare);
  }
  if (picked != nullptr) trace.note("pick", [&] { return picked->name + ", a spare: nobody before it can be used"; });
  return picked;
}

template const Server* pick(const Pool&, const PickContext&, BalanceState&, shared::NullTrace&);
template const Server* pick(const Pool&, const PickContext&, BalanceState&, shared::RecordingTrace&);

}  // namespace edge
