#pragma once
// pick(): which server of a pool gets the next request. Deterministic over (pool, live, addresses, the worker's own
// position, what was tried): no clock, no lock, no shared write. Called by workers, and by `explain` with a recording
// trace and a position of its own.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "edge/core/live.h"
#include "edge/core/pool.h"
#include "shared/core/time.h"
#include "shared/core/trace.h"

namespace edge {

// A worker's place in each pool's order; the worker's alone, kept over reloads (an order that got shorter wraps).
class BalanceState {
 public:
  // Workers start at different places, so that the first requests of all do not meet on one server.
  explicit BalanceState(std::uint32_t seed = 0) : seed_(seed) {}
  [[nodiscard]] std::uint32_t& position(PoolId pool);

 private:
  std::uint32_t seed_;
  std::vector<std::uint32_t> positions_;
};

struct PickContext {
  const Live& live;
  const Addresses& addresses;
  std::span<const ServerId> tried = {};  // by this request; not picked again
  shared::TimePoint now{};               // of slow starts and response times
  std::uint8_t overlook = 0;             // bit Eligibility: reasons that do not count now (a pool in panic)
};

// Has an address, and nothing in its state stands against it; a server whose first check is still out is usable.
[[nodiscard]] bool usable(const Pool& pool, const Server& server, const PickContext& context);

// Null: no usable server that was not tried. REQUIRES: `pool` is an effective one.
template <class Trace>
[[nodiscard]] const Server* pick(const Pool& pool, const PickContext& context, BalanceState& state, Trace& trace);

}  // namespace edge
