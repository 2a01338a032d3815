#pragma once
// decide(): what becomes of a request, from its head to the first server that it goes to:
//
//   identify -> health page? -> match -> admit -> gate -> (the cache, elsewhere) -> limit -> rewrite -> shed -> pick
//
// The one deciding path: serve_one takes it for every request and explain() with a trace, and nobody puts the steps
// together a second time. Whoever fails at the server that was picked asks next_server() again, and so does, for its
// first one, whom a limit has told to wait. With a Live that may be written the request is counted by the limits; with
// a const one what they would say is foreseen. Deterministic over its arguments and what those have counted; views
// point into the head's buffer, the scratch and the snapshot. Any thread.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "edge/core/access/auth.h"
#include "edge/core/decide/next_server.h"
#include "edge/core/message/client.h"
#include "edge/core/message/errors.h"
#include "edge/core/message/new_visitor.h"
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
  bool to_https = false;          // whatever it asks for is to be asked for there
  bool to_cache = false;          // where a cache is asked first, the decision stops there, see decide_server()
  bool for_cache = false;         // it is the cache's own: the gate has counted whom it is for
  bool mirrored = false;          // a copy for the pool of the route's mirror: whom it is of was let in
  std::uint64_t body_length = 0;  // as the head says; 0: none, or nobody knows
  std::int64_t wall = 0;          // seconds since 1970, for tokens
  std::uint64_t drawn = 0;        // by chance: stands for a visitor whom no cookie names yet
  // Of a request that is decided again, since a password has been checked: what limits said before, and whose they are.
  // Nothing is counted, but by the limits of another route, where that is found now.
  const LimitRuling* ruled = nullptr;
  const Route* ruled_by = nullptr;
};

// What deciding writes to: the request's memory for paths, and its worker's place in each pool's order.
struct DecideState {
  TargetScratch& scratch;
  BalanceState& balance;
  CredentialCache* credentials = nullptr;  // the worker's; null: nothing is remembered
};

// Where a request's head leads; what is known before the step that failed is still good for the log.
struct Match {
  RequestTarget target;  // its `kept` and `query` are what servers get: the route's rules have been applied
  Client client;
  TierId tier{};
  const Route* route = nullptr;
  std::string_view asked_path;  // as `kept` and `query` were when the client asked
  std::string_view asked_query;
  bool rewritten = false;
  const HeaderRules* response_rules = nullptr;    // of the route, or of it and the origin that asks; null: no route
  std::shared_ptr<const Principal> identity;      // null: nobody has shown who it is
  http::FieldId shown_in = http::FieldId::other;  // by which field, as AuthRuling has it
  NewVisitor visitor;                             // what cookies its client is to be given
};

// What the limits of its route count a request by.
[[nodiscard]] inline LimitSubject limit_subject(const Match& match, const http::FieldList& fields) {
  return {.client = match.client.address,
          .fields = fields,
          .tier = match.tier,
          .host = match.target.host,
          .route = match.route->name,
          .shown_in = match.shown_in,
          .identity = match.identity.get()};
}

// The route that has made another target of the one that was asked for; empty: none.
[[nodiscard]] inline std::string_view rewriter_of(const Match& match) {
  return match.rewritten ? std::string_view(match.route->name) : std::string_view();
}

struct Decision {
  enum class Kind : std::uint8_t {
    refused,      // with `refusal`: 400, 401, 403, 404, 405, 413, by a limit 429, by maintenance 503
    health_page,  // of the region
    respond,      // as the route's action says
    redirect,     // likewise
    files,        // likewise
    to_https,     // the same target, under TLS
    preflight,    // a browser asks whether it may ask: 204
    password,     // `check` has to be made, then this is to be decided again
    pool,         // to `first`
  };

  Kind kind = Kind::refused;
  http::Refusal refusal;
  Match match;
  std::optional<std::chrono::seconds> closed_for;  // the route is in maintenance
  bool would_be_closed = false;                    // likewise, in shadow mode
  std::string_view challenge{};                    // of a 401
  std::unique_ptr<PasswordCheck> check;            // of `password`
  LimitRuling limit;
  PoolRequest at_pool;
  PickedServer first;     // null: the pool has nobody, or no place, for this request, or it has to wait
  bool at_cache = false;  // limit and pick are not decided: what the cache has needs neither
  bool unpicked = false;  // `first` is to be picked when it has waited, for its limit or for word of its session

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
