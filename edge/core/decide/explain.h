#pragma once
// explain(): what would become of a request that might come, and why: decide() with a trace, over a head that has gone
// through the parser and the framing that clients' heads go through. Changes nothing: no limit is spent, no place in a
// pool's order, no breaker's probe. Pure, any thread.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/decide/at_cache.h"
#include "edge/core/decide/decide.h"
#include "edge/core/pool/balance.h"
#include "edge/core/pool/live.h"
#include "edge/core/snapshot/listen_plan.h"
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
  // How it comes: "http" or "https", and to which port. Nothing: nobody says, and no listener is asked.
  std::string scheme{};
  std::uint16_t port = 0;
};

// What a cache would say of a request.
struct ForeseenCache {
  std::string verdict;                      // "hit", "stale", "revalidate", "miss", "bypass"
  std::string words;                        // "store memory, shop.example/a: hit, 3 s old, fresh for 57 s more"
  std::optional<std::int64_t> fresh_for{};  // seconds; below 0: so long it has been stale
};

// When it comes, and to a worker that stands where in the pools' orders.
struct ExplainMoment {
  shared::TimePoint now;
  BalanceState balance{};
  // What the cache of the route that was found would say of the request; none: nobody knows what is stored.
  std::function<ForeseenCache(const Decision&, const CacheAsker&)> cache{};
  std::int64_t wall = 0;  // seconds since 1970
  std::span<const ListenPlan> listen{};
  // Which certificate a client meets at the listener with this index, by the name that it asks for; none: not told.
  std::function<std::string(std::size_t, std::string_view)> virtual_host{};
};

struct Explanation {
  struct Line {
    std::string topic;  // "client", "route", "limit", "pick" ...
    std::string text;
  };
  // Of the limit that refuses, or delays longest, or has least left.
  struct Limit {
    std::string name;
    bool refused = false;
    std::uint64_t remaining = 0;  // further requests that would be let in at once
    shared::Duration wait{};
    shared::Duration reset{};
  };
  ExplainedRequest request;
  std::string region;  // of this edge
  std::string node;
  std::vector<Line> lines;   // in the order of the decision
  std::string answer;        // all of it in one sentence
  std::string_view kind;     // "pool", "refused", "respond", "redirect", "files", "health_page", "https", "no_tls" ...
  std::uint16_t status = 0;  // that the edge itself answers with; 0: a server, or a file, says
  std::string reason;        // of a refusal
  std::string client;        // who asks, as the edge sees it
  std::string tier;          // empty, like the rest: there is none, or it was not reached
  std::string route;
  std::string pool;
  std::string server;
  std::optional<Limit> limit;
  std::optional<ForeseenCache> cache;
};

// An error says what is wrong with the request as put.
[[nodiscard]] shared::Result<Explanation> explain(const Snapshot& snapshot, const Live& live,
                                                  const ExplainedRequest& request, ExplainMoment moment);

// One line for each step, the last one begins with "answer: ".
[[nodiscard]] std::string to_text(const Explanation& explanation);

// In words what a decision has come to: "route api, pool web, server a".
[[nodiscard]] std::string answer_of(const Decision& decision, const Snapshot& snapshot, const Live& live);
// "pool", "refused" ...
[[nodiscard]] std::string_view name_of(Decision::Kind kind);

}  // namespace edge
