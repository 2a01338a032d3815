#include "edge/core/balance.h"

#include <algorithm>
#include <string>

#include "edge/core/conditions.h"
#include "edge/core/hash_slots.h"

namespace edge {
namespace {

constexpr std::uint32_t kDraws = 16;         // of random choices, before all are looked at
constexpr std::uint32_t kHashAttempts = 64;  // slots of a key, before all are looked at
constexpr std::size_t kSample = 8;           // of the members of a big pool, by response time
constexpr std::size_t kBigPool = 16;
constexpr float kUnmeasuredUs = 1e6;  // a first answer that is still out
constexpr shared::milliseconds kCountEvery{100};

std::string_view why_not(const Server& server, const PickContext& context, const Standing& standing) {
  if (std::find(context.tried.begin(), context.tried.end(), server.id) != context.tried.end()) return "tried";
  if (context.addresses.of(server.id).empty()) return "no address";
  const bool overlooked = ((context.overlook >> static_cast<unsigned>(standing.eligibility)) & 1U) != 0;
  return standing.allowed() || overlooked ? std::string_view() : name_of(standing.eligibility);
}

Standing standing(const Pool& pool, const Server& server, const PickContext& context) {
  return standing_of(context.live.server(server.id).state, pool.slow_start, context.now);
}

template <class Trace>
struct Look {
  const Pool& pool;
  const PickContext& context;
  BalanceState& state;
  Trace& trace;

  [[nodiscard]] const Server& server(std::uint16_t index) const { return pool.servers[index]; }
  [[nodiscard]] BalanceState::Place& place() const { return state.place(pool.id); }
  [[nodiscard]] std::uint32_t in_flight(const Server& of) const {
    return context.live.server(of.id).in_flight.load(std::memory_order_relaxed);
  }
  // Of its weight; 0: it may not be picked.
  [[nodiscard]] std::uint32_t share(const Server& of) const {
    const Standing its = standing(pool, of, context);
    const std::string_view reason = why_not(of, context, its);
    if (reason.empty()) return its.share;
    trace.note("skip", [&] { return of.name + ": " + std::string(reason); });
    return 0;
  }
};

// Requests in flight for the weight, comparable without a division: a/b < c/d as ad < cb.
struct Load {
  std::uint64_t requests = 0;
  std::uint64_t weight = 1;

  [[nodiscard]] bool less_than(const Load& other) const { return requests * other.weight < other.requests * weight; }
};

template <class Trace>
Load load_of(const Look<Trace>& look, const Server& server, std::uint32_t share) {
  return {.requests = std::uint64_t{look.in_flight(server)} + 1, .weight = std::uint64_t{server.weight} * share};
}

// The first allowed from a place on, whatever its share: the way out of everything that draws.
template <class Trace>
const Server* first_from(const std::vector<std::uint16_t>& order, std::uint32_t start, const Look<Trace>& look) {
  for (std::size_t step = 0; step < order.size(); ++step) {
    const Server& server = look.server(order[(start + step) % order.size()]);
    if (look.share(server) != 0) return &server;
  }
  return nullptr;
}

// (Smooth weighted) round robin: on from the worker's place to the first that is allowed. The place moves behind the
// one that was taken, so those that are skipped leave the others' proportions as they are. A server of reduced share is
// passed as often as its share says, evenly: `thinning` walks round 2^32 in steps of the golden ratio.
template <class Trace>
const Server* pick_from(const Sequence& sequence, const Look<Trace>& look) {
  const auto length = static_cast<std::uint32_t>(sequence.order.size());
  BalanceState::Place& place = look.place();
  const Server* passed = nullptr;
  for (std::uint32_t step = 0; step < length; ++step) {
    const std::uint32_t at = (place.position % length + step) % length;
    const Server& server = look.server(sequence.order[at]);
    const std::uint32_t share = look.share(server);
    if (share == 0) continue;
    if (share < kFullShare && ((place.thinning += 0x9E3779B9U) >> 24U) >= share) {
      if (passed == nullptr) passed = &server;
      continue;
    }
    place.position = (at + 1) % length;
    return &server;
  }
  return passed;
}

template <class Trace>
const Server* pick_from(const LeastConnections& selector, const Look<Trace>& look) {
  const std::vector<std::uint16_t>& members = selector.members;
  const Server* best = nullptr;
  Load least;
  // Equals take turns: each look begins behind the last one's first.
  std::size_t at = members.empty() ? 0 : look.place().position++ % members.size();
  for (std::size_t step = 0; step < members.size(); ++step) {
    const Server& server = look.server(members[at]);
    if (++at == members.size()) at = 0;
    const std::uint32_t share = look.share(server);
    if (share == 0) continue;
    const Load load = load_of(look, server, share);
    if (best != nullptr && !load.less_than(least)) continue;
    best = &server;
    least = load;
  }
  return best;
}

// What a request would wait: the mean answer, once for each request that is there already, for the weight. A server
// that was never measured gets one request and no second before the first is answered.
template <class Trace>
float expected_wait(const Look<Trace>& look, const Server& server, std::uint32_t share) {
  const float mean =
      look.context.live.server(server.id).response_time.mean_us(look.context.now, look.pool.response_time.half_life);
  const auto in_flight = static_cast<float>(look.in_flight(server));
  const float one = mean > 0 ? mean : in_flight > 0 ? kUnmeasuredUs : 0;
  return one * (in_flight + 1) / static_cast<float>(server.weight * share);
}

template <class Trace>
const Server* pick_from(const LeastTime& selector, const Look<Trace>& look) {
  const std::vector<std::uint16_t>& members = selector.members;
  const Server* best = nullptr;
  float least = 0;
  const auto consider = [&](const Server& server) {
    const std::uint32_t share = look.share(server);
    if (share == 0) return;
    const float wait = expected_wait(look, server, share);
    if (best != nullptr && wait >= least) return;
    best = &server;
    least = wait;
  };
  const std::uint32_t start = look.place().position++;
  if (members.size() <= kBigPool) {
    for (std::size_t step = 0; step < members.size(); ++step) {
      consider(look.server(members[(start + step) % members.size()]));
    }
    return best;
  }
  const auto count = static_cast<std::uint32_t>(members.size());
  for (std::size_t i = 0; i < kSample; ++i) {
    consider(look.server(members[shared::hash_to_index(look.state.draw(), count)]));
  }
  return best != nullptr ? best : first_from(members, start, look);
}

// A draw of an allowed server other than `not_this`, by weight and share; null when luck had none.
template <class Trace>
const Server* draw(const RandomTwo& selector, const Look<Trace>& look, const Server* not_this, Load& load) {
  const auto count = static_cast<std::uint32_t>(selector.order.size());
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    const std::uint64_t drawn = look.state.draw();
    const Server& server = look.server(selector.order[shared::hash_to_index(drawn, count)]);
    if (&server == not_this) continue;
    const std::uint32_t share = look.share(server);
    if (share == 0 || (drawn & 0xFFU) >= share) continue;
    load = load_of(look, server, share);
    return &server;
  }
  return nullptr;
}

template <class Trace>
const Server* pick_from(const RandomTwo& selector, const Look<Trace>& look) {
  if (selector.order.empty()) return nullptr;
  Load first_load;
  const Server* first = draw(selector, look, nullptr, first_load);
  if (first == nullptr) return first_from(selector.order, look.place().position++, look);
  Load second_load;
  const Server* second = draw(selector, look, first, second_load);
  return second != nullptr && second_load.less_than(first_load) ? second : first;
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
  return look.in_flight(server) < bound;
}

template <class Trace>
const Server* pick_from(const HashSlots& selector, const Look<Trace>& look) {
  if (selector.slots.empty()) return nullptr;
  const Server* fallback = nullptr;
  Load least;
  for (std::uint32_t attempt = 0; attempt < kHashAttempts; ++attempt) {
    const Server& server = look.server(selector.slots[slot_of(look.context.key, attempt)]);
    const std::uint32_t share = look.share(server);
    if (share == 0) continue;
    // Of a server with a reduced share, always the same keys leave.
    const bool kept = share == kFullShare || (shared::mix(look.context.key ^ attempt) & 0xFFU) < share;
    if (kept && has_room(selector, look, server)) return &server;
    const Load load = load_of(look, server, share);
    if (fallback != nullptr && !load.less_than(least)) continue;
    fallback = &server;
    least = load;
  }
  if (fallback != nullptr) return fallback;
  const auto count = static_cast<std::uint32_t>(selector.members.size());
  return first_from(selector.members, shared::hash_to_index(look.context.key, count), look);
}

// A session goes on at a draining server if the pool says so; every other reason sends it elsewhere.
template <class Trace>
const Server* pick_session(const Look<Trace>& look) {
  if (!look.context.session || *look.context.session >= look.pool.servers.size()) return nullptr;
  const Server& server = look.server(*look.context.session);
  const Standing its = standing(look.pool, server, look.context);
  PickContext bound = look.context;
  if (look.pool.sticky.while_draining)
    bound.overlook = static_cast<std::uint8_t>(bound.overlook | bit_of(Eligibility::draining));
  const std::string_view reason = why_not(server, bound, its);
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

std::optional<std::uint16_t> session_of(const Pool& pool, const FieldList& fields) {
  if (!pool.sticky.enabled()) return std::nullopt;
  return pool.sticky.find(find_cookie(fields, pool.sticky.cookie));
}

bool usable(const Pool& pool, const Server& server, const PickContext& context) {
  return why_not(server, context, standing(pool, server, context)).empty();
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
