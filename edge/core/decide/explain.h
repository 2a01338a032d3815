#pragma once
// explain(): what would become of a request that might come, and why: decide() with a trace, over a head that has gone
// through the parser that clients' heads go through. Changes nothing: no place in a pool's order, no breaker. Pure, any
// thread.

#include <functional>
#include <string>
#include <vector>

#include "edge/core/decide/decide.h"
#include "edge/core/pool/balance.h"
#include "edge/core/pool/live.h"
#include "edge/core/snapshot/snapshot.h"
#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/core/time.h"

namespace edge {

struct ExplainedRequest {
  std::string method = "GET";
  std::string host;
  std::string path = "/";
  shared::IpAddress client;
  std::vector<std::string> headers;  // "Name: value"
};

// When it comes, and to a worker that stands where in the pools' orders.
struct ExplainMoment {
  shared::TimePoint now;
  BalanceState balance{};
  // What the cache of the route that was found would say of the request; none: nobody knows what is stored.
  std::function<std::string(const Match&, const http::RequestHead&)> cache{};
  std::int64_t wall = 0;  // seconds since 1970
};

// One line for each step, the last one begins with "answer: ". An error says what is wrong with the request as put.
[[nodiscard]] shared::Result<std::string> explain(const Snapshot& snapshot, const Live& live,
                                                  const ExplainedRequest& request, ExplainMoment moment);

}  // namespace edge
