#include "edge/core/balance.h"

#include <algorithm>
#include <string>

namespace edge {
namespace {

std::string_view why_not(const Pool& pool, const Server& server, const PickContext& context) {
  if (std::find(context.tried.begin(), context.tried.end(), server.id) != context.tried.end()) return "tried";
  if (context.addresses.of(server.id).empty()) return "no address";
  const Standing standing = standing_of(context.live.server(server.id).state, pool.slow_start, context.now);
  const bool overlooked = ((context.overlook >> static_cast<unsigned>(standing.eligibility)) & 1U) != 0;
  return standing.allowed() || overlooked ? std::string_view() : name_of(standing.eligibility);
}

// (Smooth weighted) round robin: on from the worker's place to the first that is usable. The place moves behind the one
// that was taken, so those that are skipped leave the others' proportions as they are.
template <class Trace>
const Server* pick_from(const Sequence& sequence, const Pool& pool, const PickContext& context, BalanceState& state,
                        Trace& trace) {
  const auto length = static_cast<std::uint32_t>(sequence.order.size());
  std::uint32_t& position = state.position(pool.id);
  for (std::uint32_t step = 0; step < length; ++step) {
    const std::uint32_t place = (position + step) % length;
    const Server& server = pool.servers[sequence.order[place]];
    const std::string_view reason = why_not(pool, server, context);
    if (reason.empty()) {
      position = (place + 1) % length;
      trace.note("pick", [&] { return server.name; });
      return &server;
    }
    trace.note("skip", [&] { return server.name + ": " + std::string(reason); });
  }
  return nullptr;
}

}  // namespace

std::uint32_t& BalanceState::position(PoolId pool) {
  const auto index = static_cast<std::size_t>(pool);
  while (index >= positions_.size()) positions_.push_back(seed_);
  return positions_[index];
}

bool usable(const Pool& pool, const Server& server, const PickContext& context) {
  return why_not(pool, server, context).empty();
}

template <class Trace>
const Server* pick(const Pool& pool, const PickContext& context, BalanceState& state, Trace& trace) {
  return std::visit([&](const auto& selector) { return pick_from(selector, pool, context, state, trace); },
                    pool.selector);
}

template const Server* pick(const Pool&, const PickContext&, BalanceState&, shared::NullTrace&);
template const Server* pick(const Pool&, const PickContext&, BalanceState&, shared::RecordingTrace&);

}  // namespace edge
