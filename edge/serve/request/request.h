#pragma once
// Request: what serve_one and its attempts know of the request that they serve. In serve_one's frame; its worker's
// thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "edge/core/message/errors.h"
#include "edge/core/protect/breaker.h"
#include "edge/core/protect/retry.h"
#include "edge/serve/request/context.h"
#include "edge/serve/request/decide.h"
#include "edge/serve/request/exchange.h"
#include "edge/serve/request/request_body.h"

namespace edge {

struct Request {
  // Servers that were tried, or whose breaker said no at the last moment.
  static constexpr std::size_t kMaxTried = 2 * kMaxAttempts;

  Request(Exchange& exchange_in, WorkerContext& context_in)
      : exchange(exchange_in), context(context_in), snapshot(context_in.snapshots.pin()) {
    found.client.peer = exchange.peer();
    context.counters.requests.add();
    context.counters.in_flight.add();
  }
  ~Request() { context.counters.in_flight.subtract(); }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  [[nodiscard]] shared::TimePoint now() const { return context.now(); }
  [[nodiscard]] PoolLive& pool_live() const { return context.live.pool(pool->slot); }

  Exchange& exchange;
  WorkerContext& context;
  Snapshots::Pin snapshot;
  Match found;
  std::array<char, 32> fresh_id{};
  std::string_view request_id;  // what the upstream sees

  const Pool* pool = nullptr;
  const Server* server = nullptr;  // of the last attempt
  const Server* stale = nullptr;   // its kept connection was dead: worth a fresh one if nobody else is there
  std::optional<RequestBody> body;
  std::array<ServerId, kMaxTried> tried{};
  std::size_t tried_count = 0;
  std::size_t attempts = 0;  // retries and hedges too
  std::size_t dead_connections = 0;
  std::optional<std::uint16_t> session;  // the server's index that its cookie asks for
  bool idempotent = false;
  bool hedged = false;
  bool blamed = false;       // a server has been held to account for this request's failure
  bool last_resort = false;  // no server is left but those that checks call down
  shared::TimePoint hedge_at = shared::TimePoint::max();

  // For the log: of the last attempt.
  shared::TimePoint picked;
  shared::TimePoint connected;
  shared::TimePoint first_byte;
  BreakerPermit::Kind permit = BreakerPermit::Kind::normal;

  bool done = false;     // a server's whole answer was relayed
  bool failed = false;   // `error` says how
  bool refused = false;  // by the edge itself, with a 4xx
  bool cut = false;      // the client has a part of the answer
  Error error;
  std::uint16_t status = 0;  // what the client was told
  std::string_view reason;
};

}  // namespace edge
