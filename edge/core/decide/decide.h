#pragma once
// decide(): what becomes of a request, from its head to the first server that it goes to:
//
//   identify -> health page? -> match -> admit -> (the cache, elsewhere) -> limit -> shed -> pick
//
// The one deciding path: serve_one takes it for every request and explain() with a trace, and nobody puts the steps
// together a second time. Whoever fails at the server that was picked asks next_server() again, and so does, for its
// first one, whom a limit has told to wait. With a Live that may be written the request is counted by the limits; with
// a const one what they would say is foreseen. Deterministic over its arguments and what those have counted; views
// point into the head's buffer, the scratch and the snapshot. Any thread.

#include <cstdint>
#include <string_view>

#include "edge/core/decide/next_server.h"
#include "edge/core/message/client.h"
#include "edge/core/message/errors.h"
#include "edge/core/message/target.h"
#include "edge/core/message/tier.h"
#include "edge/core/route/route.h"
#include "edge/core/snapshot/snapshot.h"
#include "shared/core/trace.h"
#include "shared/http/head.h"

namespace edge {

// Answered by every edge for every host, before routes: see health_page.h.
inline constexpr std::string_view kHealthPath = "/.meridian/health";

// Who asks, for what, and when.
struct Asked {
  const http::RequestHead& head;
  const shared::IpAddress& peer;
  shared::TimePoint now;
  bool to_https = false;  // whatever it asks for is to be asked for there
  bool to_cache = false;  // where a cache is asked first, the decision stops there, see decide_server()
};

// What deciding writes to: the request's memory for paths, and its worker's place in each pool's order.
struct DecideState {
  TargetScratch& scratch;
  BalanceState& balance;
};

// Where a request's head leads; what is known before the step that failed is still good for the log.
struct Match {
  RequestTarget target;
  Client client;
  TierId tier{};
  const Route* route = nullptr;
};

struct Decision {
  enum class Kind : std::uint8_t {
    refused,      // with `refusal`: 400, 403, 404, 405 or, by a limit, 429
    health_page,  // of the region
    respond,      // as the route's action says
    redirect,     // likewise
    files,        // likewise
    to_https,     // the same target, under TLS
    pool,         // to `first`
  };

  Kind kind = Kind::refused;
  http::Refusal refusal;
  Match match;
  LimitRuling limit;
  PoolRequest at_pool;
  PickedServer first;     // null: the pool has nobody, or no place, for this request, or it has to wait
  bool at_cache = false;  // limit and pick are not decided: what the cache has needs neither

  // Before anything else is done for it.
  [[nodiscard]] bool has_to_wait() const { return !limit.refused && limit.wait > shared::Duration{}; }
};

template <class AnyLive, class Trace>
[[nodiscard]] Decision decide(const Snapshot& snapshot, AnyLive& live, const Asked& asked, const DecideState& state,
                              Trace& trace);

// The rest of a decision that has stopped at the cache, once it is known that a server has to be asked.
template <class AnyLive, class Trace>
void decide_server(Decision& decision, const Snapshot& snapshot, AnyLive& live, const Asked& asked,
                   const DecideState& state, Trace& trace);

}  // namespace edge
