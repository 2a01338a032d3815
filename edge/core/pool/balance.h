#pragma once
// pick(): which server of a pool gets the next request. Deterministic over (pool, live, addresses, now, key, the
// worker's own state, what was tried): no clock, no lock, no shared write. Called by workers, and by `explain` with a
// recording trace and a state of its own. A server that is not allowed (see eligibility.h) is never picked. Costs are
// in bench/README.md; beyond 32 servers none grows with the pool, as long as a few of them are allowed. balance.cc has
// a function for each algorithm, pick_view.h what they see, least.h how they compare.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "edge/core/pool/live.h"
#include "edge/core/pool/pool.h"
#include "shared/core/hash.h"
#include "shared/core/time.h"
#include "shared/core/trace.h"

namespace edge {

// A worker's cursor in each pool's order and its draws; the worker's alone, kept over reloads (an order that got
// shorter wraps).
class BalanceState {
 public:
  struct Cursor {
    std::uint32_t position = 0;
    std::uint32_t thinning = 0;        // decides who of reduced share is passed this time
    std::uint32_t remembered = 0;      // of a pool too big to look at all (see least.h)
    std::uint32_t allowed_weight = 0;  // of a pool with bounded load, as counted last
    shared::TimePoint counted{};
  };

  // Workers start at different places, so that the first requests of all do not meet on one server.
  explicit BalanceState(std::uint32_t seed = 0) : seed_(seed), draws_(seed) {}
  [[nodiscard]] Cursor& cursor(PoolId pool);
  [[nodiscard]] std::uint64_t draw() { return shared::mix(draws_ += 0x9E3779B97F4A7C15ULL); }

 private:
  std::uint32_t seed_;
  std::uint64_t draws_;
  std::vector<Cursor> cursors_;
};

struct PickContext {
  const Live& live;
  const Addresses& addresses;
  std::span<const ServerId> tried = {};  // by this request; not picked again
  shared::TimePoint now{};               // of slow starts and response times
  std::uint8_t overlook = 0;             // of bit_of(): reasons that do not count now (panic, the last resort)
  std::uint64_t key = 0;                 // request_key(), for pools that hash
  // The server that the request's session belongs to, of a sticky pool: taken while it may go on there.
  std::optional<std::uint16_t> session = std::nullopt;
  // Of a request with a session that servers have made: `key` is that session's, and who cannot have the server above
  // goes by it and not as the pool balances.
  bool by_session = false;
};

// Has an address, and nothing in its state stands against it; a server whose first check is still out is usable.
[[nodiscard]] bool usable(const Pool& pool, const Server& server, const PickContext& context);

// Somebody could have taken it but for what is in flight there.
[[nodiscard]] bool any_full(const Pool& pool, const PickContext& context);

// The server of a request's session by its cookie; nothing in pools that are not sticky or for cookies not of ours.
[[nodiscard]] std::optional<std::uint16_t> session_of(const Pool& pool, const http::FieldList& fields);

// Null: no usable server that was not tried. REQUIRES: `pool` is an effective one.
template <class Trace>
[[nodiscard]] const Server* pick(const Pool& pool, const PickContext& context, BalanceState& state, Trace& trace);

}  // namespace edge
