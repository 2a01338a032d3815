#pragma once
// The steps match and admit of a request, from its head to a route: the one path for requests and for `explain`. Pure
// over (snapshot, head, peer); views point into the head's buffer and the scratch. Any thread.

#include <optional>

#include "edge/core/message/client.h"
#include "edge/core/message/errors.h"
#include "edge/core/message/target.h"
#include "edge/core/message/tier.h"
#include "edge/core/route/route.h"
#include "edge/core/snapshot/snapshot.h"
#include "shared/core/trace.h"

namespace edge {

struct Match {
  RequestTarget target;
  Client client;
  TierId tier{};
  const Route* route = nullptr;  // null until the last step: what came before is still good for the log
};

// What is being looked at, and with which memory.
struct Looked {
  const Snapshot& snapshot;
  const http::RequestHead& head;
  TargetScratch& scratch;
};

// Who asks and for what: client, target, tier. REQUIRES: match.client.peer is set. Refusals: 400, 405.
template <class Trace>
[[nodiscard]] std::optional<http::Refusal> identify_request(const Looked& looked, Match& match, Trace& trace);

// The route of an identified request. Refusals: 400, 404.
template <class Trace>
[[nodiscard]] std::optional<http::Refusal> match_request(const Looked& looked, Match& match, Trace& trace);

// 403 when the route does not allow this client.
template <class Trace>
[[nodiscard]] std::optional<http::Refusal> admit(const Match& match, Trace& trace);

}  // namespace edge
