#pragma once
// decide_connection(): what becomes of a connection to a listener of a pool, or of a UDP client's first datagram:
//
//   admit -> limits of the listener -> pool (by SNI, or the listener's own) -> pick
//
// As decide() for requests: workers take it for everybody who comes, explain() with a trace; whoever fails at the
// server asks next_server() again. Deterministic over its arguments. Any thread.

#include <optional>
#include <string>
#include <string_view>

#include "edge/core/decide/explain.h"
#include "edge/core/decide/next_server.h"
#include "edge/core/message/errors.h"
#include "edge/core/route/pool_listener.h"
#include "edge/core/snapshot/snapshot.h"
#include "shared/core/ip.h"

namespace edge {

struct AskedConnection {
  const PoolListener& listener;
  const shared::IpAddress& client;
  std::string_view server_name = {};  // of the ClientHello, in lower case; empty: it has none, or nobody looked
  shared::TimePoint now;
};

struct ConnectionDecision {
  std::optional<Error> refusal;  // forbidden, rate_limited, no_route, no_server
  PoolRequest at_pool;
  PickedServer first;       // null: refused
  ConnectionPermit permit;  // the client's connection is counted as long as it lives
};

template <class AnyLive, class Trace>
[[nodiscard]] ConnectionDecision decide_connection(const Snapshot& snapshot, AnyLive& live,
                                                   const AskedConnection& asked, BalanceState& balance, Trace& trace);

struct ExplainedConnection {
  std::string listener;  // name of it, or its port
  std::string server_name;
  shared::IpAddress client;
};

// As explain() for requests.
[[nodiscard]] shared::Result<std::string> explain_connection(const Snapshot& snapshot, const Live& live,
                                                             const ExplainedConnection& asked, ExplainMoment moment);

}  // namespace edge
