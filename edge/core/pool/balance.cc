#include "edge/core/pool/balance.h"

#include <algorithm>
#include <string>

#include "edge/core/pool/hash_slots.h"
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
const Server* first_from(const std::vector<std::uint16_t>& members, std::uint32_t start, const Look<Trace>& look) {
  const auto count = static_cast<std::uint32_t>(members.size());
  for (std::uint32_t step = 0, at = count == 0 ? 0 : start % count; step < count; ++step) {
    const Server& server = look.server(members[at]);
    if (++at == count) at = 0;
    if (look.share(server) != 0) return &server;
  }
  return nullptr;
}

template <class Trace>
bool any_usable(const std::vector<std::uint16_t>& members, const Look<Trace>& look) {
  return std::any_of(members.begin(), members.end(),
                     [&look](std::uint16_t index) { return usable(look.pool, look.server(index), look.context); });
}

// Whether a server of reduced share is passed this time; `thinning` walks round 2^32 in steps of the golden ratio.
bool thinned_out(std::uint32_t& thinning, std::uint32_t share) {
  thinning += 0x9E3779B9U;
  return thinning >> 24U >= share;
}

// (Smooth weighted) round robin: on from the worker's place to the first that is allowed. The place moves behind the
// one that was taken, so those that are skipped leave the others' proportions as they are. A server of reduced share is
// passed as often as its share says, evenly.
template <class Trace>
const Server* pick_from(const Sequence& sequence, const Look<Trace>& look) {
  const auto length = static_cast<std::uint32_t>(sequence.order.size());
  BalanceState::Place& place = look.place();
  const Server* passed = nullptr;
  std::uint32_t at = length == 0 ? 0 : wrapped(place.position, length);
  for (std::uint32_t step = 0; step < length; ++step) {
    if (step == kTurns && passed == nullptr && !any_usable(sequence.members, look)) return nullptr;
    const Server& server = look.server(sequence.order[at]);
    if (++at == length) at = 0;
    const std::uint32_t share = look.share(server);
    if (share == 0) continue;
    if (share < kFullShare && thinned_out(place.thinning, share)) {
      if (passed == nullptr) passed = &server;
      continue;
    }
    place.position = at;
    return &server;
  }
  return passed;
}

template <class Trace>
const Server* pick_from(const LeastConnections& selector, const Look<Trace>& look) {
  return least_of(selector.compared, look, [](const ServerLive& live, std::uint32_t weight, std::uint32_t more) {
    return load_of(live, weight, more);
  });
}

// What a request would wait: the mean answer, once for each request that is there already, for the weight. A server
// that was never measured gets one request and no second before the first is answered.
template <class Trace>
const Server* pick_from(const LeastTime& selector, const Look<Trace>& look) {
  const Fading fading(look.context.now, look.pool.response_time.half_life);
  return least_of(selector.compared, look, [fading](const ServerLive& live, std::uint32_t weight, std::uint32_t more) {
    const double mean = live.response_time.mean_us(fading);
    if (mean == 0) [[unlikely]]
      return kUnmeasuredUs * load_of(live, weight, more - 1);
    return mean * load_of(live, weight, more);
  });
}

// A draw of an allowed server other than `not_this`, by weight and share; null when luck had none.
template <class Trace>
const Server* draw(const RandomTwo& selector, const Look<Trace>& look, const Server* not_this, double& load) {
  const auto count = static_cast<std::uint32_t>(selector.order.size());
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    const std::uint64_t drawn = look.state.draw();
    const Server& server = look.server(selector.order[shared::hash_to_index(drawn, count)]);
    if (&server == not_this) continue;
    const std::uint32_t share = look.share(server);
    if (share == 0 || (drawn & 0xFFU) >= share) continue;
    load = load_of(look.live(server.id), server.weight * share);
    return &server;
  }
  return nullptr;
}

template <class Trace>
const Server* pick_from(const RandomTwo& selector, const Look<Trace>& look) {
  if (selector.order.empty()) return nullptr;
  double first_load = 0;
  const Server* first = draw(selector, look, nullptr, first_load);
  if (first == nullptr) return first_from(selector.members, look.place().position++, look);
  double second_load = 0;
  const Server* second = draw(selector, look, first, second_load);
  return second != nullptr && second_load < first_load ? second : first;
}

// How much weight may be picked now: looked at now and then only, since it means looking at all.
template <class Trace>
std::uint32_t allowed_weight(const HashSlots& selector, const Look<Trace>& look) {
  BalanceState::Place& place = look.place();
  if (place.allowed_weight != 0 && look.context.now - place.counted < kCountEvery) return place.allowed_weight;
  place.counted = look.context.now;
  place.allowed_weight = 0;
  for (const std::uint16_t index : selector.members) {
    const Server& server = look.server(index);
    if (usable(look.pool, server, look.context)) place.allowed_weight += server.weight;
  }
  return place.allowed_weight;
}

// Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam 2016): a server takes no more than its part
// of what is in flight in the whole pool, times the bound.
template <class Trace>
bool has_room(const HashSlots& selector, const Look<Trace>& look, const Server& server) {
  if (selector.bound_percent == 0) return true;
  const std::uint64_t total = look.context.live.pool(look.pool.slot).in_flight.load(std::memory_order_relaxed) + 1ULL;
  const std::uint64_t all = std::uint64_t{std::max(allowed_weight(selector, look), 1U)} * 100;
  const std::uint64_t bound = (total * server.weight * selector.bound_percent + all - 1) / all;
  return look.live(server.id).in_flight.load(std::memory_order_relaxed) < bound;
}

template <class Trace>
const Server* pick_from(const HashSlots& selector, const Look<Trace>& look) {
  if (selector.slots.empty()) return nullptr;
  const Server* fallback = nullptr;
  double least = 0;
  for (std::uint32_t attempt = 0; attempt < kHashAttempts; ++attempt) {
    const Server& server = look.server(selector.slots[slot_of(look.context.key, attempt)]);
    const std::uint32_t share = look.share(server);
    if (share == 0) continue;
    // Of a server with a reduced share, always the same keys leave.
    const bool kept = share == kFullShare || (shared::mix(look.context.key ^ attempt) & 0xFFU) < share;
    if (kept && has_room(selector, look, server)) return &server;
    const double load = load_of(look.live(server.id), server.weight * share);
    if (fallback != nullptr && load >= least) continue;
    fallback = &server;
    least = load;
  }
  if (fallback != nullptr) return fallback;
  const auto count = static_cast<std::uint32_t>(selector.members.size());
  return first_from(selector.members, shared::hash_to_index(look.context.key, count), look);
}

std::string_view why_not(const Pool& pool, const Server& server, const PickContext& context) {
  const std::string_view reason = out_of_reach(server.id, context);
  if (!reason.empty()) return reason;
  const ServerState& state = context.live.server(server.id).state;
  return forbidden(standing_of(state, pool.slow_start, context.now, context.overlook));
}

// A session goes on at a draining server if the pool says so; every other reason sends it elsewhere.
template <class Trace>
const Server* pick_session(const Look<Trace>& look) {
  if (!look.context.session || *look.context.session >= look.pool.servers.size()) return nullptr;
  const Server& server = look.server(*look.context.session);
  PickContext bound = look.context;
  if (look.pool.sticky.while_draining)
    bound.overlook = static_cast<std::uint8_t>(bound.overlook | bit_of(Eligibility::draining));
  const std::string_view reason = why_not(look.pool, server, bound);
  if (reason.empty()) return &server;
  look.trace.note("session", [&] { return server.name + ": " + std::string(reason); });
  return nullptr;
}

}  // namespace

BalanceState::Place& BalanceState::place(PoolId pool) {
  const auto index = static_cast<std::size_t>(pool);
  while (index >= places_.size()) places_.push_back({.position = seed_, .thinning = seed_});
  return places_[index];
}

std::optional<std::uint16_t> session_of(const Pool& pool, const http::FieldList& fields) {
  if (!pool.sticky.enabled()) return std::nullopt;
  return pool.sticky.find(http::find_cookie(fields, pool.sticky.cookie));
}

bool usable(const Pool& pool, const Server& server, const PickContext& context) {
  return why_not(pool, server, context).empty();
}

template <class Trace>
const Server* pick(const Pool& pool, const PickContext& context, BalanceState& state, Trace& trace) {
  const Look<Trace> look{.pool = pool, .context = context, .state = state, .trace = trace};
  const auto from = [&](const Selector& selector) {
    return std::visit([&](const auto& kind) { return pick_from(kind, look); }, selector);
  };
  const Server* picked = pick_session(look);
  if (picked == nullptr) picked = from(pool.selector);
  for (auto spare = pool.spares.begin(); picked == nullptr && spare != pool.spares.end(); ++spare) {
    picked = from(*spare);
  }
  if (picked != nullptr) trace.note("pick", [&] { return picked->name; });
  return picked;
}

template const Server* pick(const Pool&, const PickContext&, BalanceState&, shared::NullTrace&);
template const Server* pick(const Pool&, const PickContext&, BalanceState&, shared::RecordingTrace&);

}  // namespace edge
