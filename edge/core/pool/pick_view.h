#pragma once
// PickView: what the functions behind pick() see of a pool and its servers, for one pick. Internal to pick(): made by
// it on a worker's stack, with references to everything and a copy of nothing.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/pool/balance.h"
#include "edge/core/pool/places.h"

namespace edge {

// Requests in flight for the weight, with so many more. To compare these quotients is exact: counts are below 2^32 and
// weights, with their share, at most 2^16, so two that differ do so by 2^-48 of themselves or more, and a double rounds
// at 2^-53. Divisions that wait for nothing run side by side; a comparison crosswise would wait for the one before.
[[nodiscard]] inline double load_of(const ServerLive& live, std::uint32_t weight, std::uint32_t more = 1) {
  const auto count = std::int64_t{live.in_flight.load(std::memory_order_relaxed)} + more;
  return static_cast<double>(count) / static_cast<double>(static_cast<std::int32_t>(weight));
}

// Why nothing can be sent to it now, whatever its state; empty: it can.
inline std::string_view out_of_reach(ServerId id, const PickContext& context) {
  if (!context.tried.empty() && std::find(context.tried.begin(), context.tried.end(), id) != context.tried.end()) {
    return "tried";
  }
  return context.addresses.of(id).empty() ? "no address" : std::string_view();
}

// Why its state forbids it; empty: it may be picked.
inline std::string_view forbidden(const Standing& standing) {
  return standing.allowed() ? std::string_view() : name_of(standing.eligibility);
}

inline constexpr std::string_view kFull = "full";

// A number of its own turns, wrapped into [0, size); it is nearly always there already. REQUIRES: size > 0.
[[nodiscard]] inline std::uint32_t wrapped(std::uint32_t position, std::uint32_t size) {
  return position < size ? position : position % size;
}

template <class Trace>
struct PickView {
  const Pool& pool;
  const PickContext& context;
  BalanceState& state;
  Trace& trace;

  [[nodiscard]] const Server& server(std::uint16_t index) const { return pool.servers[index]; }
  [[nodiscard]] const ServerLive& live(ServerId id) const { return context.live.server(id); }
  [[nodiscard]] BalanceState::Cursor& cursor() const { return state.cursor(pool.id); }

  // Of its weight, by its state; 0: it may not be picked.
  [[nodiscard]] std::uint32_t open_share(const ServerLive& live, std::uint16_t index) const {
    if (pool.bounded && is_full(server(index), live) && !passes(index, kFull)) return 0;
    if (ServerState::plain(live.state.word())) [[likely]]
      return kFullShare;
    const Standing its = standing_of(live.state, pool.slow_start, context.now, context.overlook);
    return passes(index, forbidden(its)) ? its.share : 0;
  }
  [[nodiscard]] bool within_reach(ServerId id, std::uint16_t index) const {
    return passes(index, out_of_reach(id, context));
  }
  // Both.
  [[nodiscard]] std::uint32_t share(const Server& of) const {
    const auto index = static_cast<std::uint16_t>(&of - pool.servers.data());
    return within_reach(of.id, index) ? open_share(live(of.id), index) : 0;
  }
  [[nodiscard]] bool passes(std::uint16_t index, std::string_view reason) const {
    if (reason.empty()) [[likely]]
      return true;
    trace.note("skip", [&] { return server(index).name + ": " + std::string(reason); });
    return false;
  }
};

}  // namespace edge
