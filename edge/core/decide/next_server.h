#pragma once
// next_server(): the step pick of a request: the first server of its pool, and after a failure the next one. What
// stands around the balancing: panic, the request's session, the last resort when checks call everybody down, and a
// permit of the server's breaker, with a place among the requests there where these are bounded. Deterministic over its
// arguments: no clock, no lock. With a Live that may be written place and permit are taken, and whoever gets them gives
// them back (see Visit); with a const one they are foreseen and nothing changes. Workers call the first kind, `explain`
// the second. Any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "edge/core/message/tier.h"
#include "edge/core/pool/balance.h"
#include "edge/core/pool/learned_sessions.h"
#include "edge/core/pool/live.h"
#include "edge/core/pool/pool.h"
#include "edge/core/protect/breaker.h"
#include "edge/core/protect/overload.h"
#include "edge/core/protect/retry.h"
#include "shared/core/time.h"

namespace edge {

// A request at its pool: what it brings to each pick, and what the picks before have left.
struct PoolRequest {
  // Servers that were tried, or whose breaker said no at the last moment.
  static constexpr std::size_t kMaxTried = 2 * kMaxAttempts;

  const Pool* pool = nullptr;            // null: the request leads to none
  std::uint64_t key = 0;                 // request_key()
  std::optional<std::uint16_t> session;  // the server's index that its cookie asks for
  AskedSession learned;                  // of a pool whose servers make the sessions
  std::array<ServerId, kMaxTried> tried{};
  std::size_t tried_count = 0;
  bool last_resort = false;  // no server is left but those that checks call down
  TierId tier{};
  Overload overload = Overload::none;  // why the last pick has found nobody, if it is that
};

struct PickedServer {
  const Server* server = nullptr;  // null: none is left
  BreakerPermit permit{.kind = BreakerPermit::Kind::bypassed, .era = 0};
};

// Servers that checks call down are tried before the pool is given up. Not by a request that has just failed at one
// that is well: the next might cost it more than an answer.
enum class LastResort : std::uint8_t { allowed, refused };

// While others wait for a place, who comes waits behind them, and takes none that has just become free.
enum class Turn : std::uint8_t { waits, has_come };

struct PickMoment {
  const Addresses& addresses;
  shared::TimePoint now;
  LastResort last_resort = LastResort::allowed;
  Turn turn = Turn::waits;
};

// Of a request for which nobody was found; a literal.
[[nodiscard]] std::string_view why_no_server(const PoolRequest& request);

// REQUIRES: request.pool is an effective one.
template <class AnyLive, class Trace>
[[nodiscard]] PickedServer next_server(PoolRequest& request, const PickMoment& moment, AnyLive& live,
                                       BalanceState& balance, Trace& trace);

}  // namespace edge
