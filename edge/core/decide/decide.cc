#include "edge/core/decide/decide.h"

#include <optional>
#include <string>
#include <type_traits>
#include <variant>

#include "edge/core/pool/request_key.h"

namespace edge {
namespace {

using MaybeRefused = std::optional<http::Refusal>;

// Who asks and for what: client, target, tier. Refusals: 400, 405.
template <class Trace>
MaybeRefused identify(const Snapshot& snapshot, const Asked& asked, TargetScratch& scratch, Match& found,
                      Trace& trace) {
  const http::FieldList& fields = asked.head.fields;
  found.client = identify_client(asked.peer, fields, snapshot.settings->trusted_proxies);
  trace.note("client", [&] {
    return found.client.address.to_string() + (found.client.trusted ? ", through a trusted proxy" : "");
  });
  const auto target = resolve_target(asked.head, scratch);
  if (!target) return target.error();
  found.target = *target;
  if (snapshot.settings->merge_slashes) found.target.kept = found.target.path;
  trace.note("target", [&] {
    const std::string forwarded =
        found.target.kept == target->path ? "" : ", forwarded as " + std::string(target->kept);
    return "host " + std::string(target->host) + ", path " + std::string(target->path) + forwarded;
  });
  found.tier = snapshot.tiers->decide(fields, found.client);
  if (snapshot.tiers->enabled()) trace.note("tier", [&] { return std::string(snapshot.tiers->name(found.tier)); });
  return std::nullopt;
}

// The route of an identified request. Refusals: 400, 404.
template <class Trace>
MaybeRefused match(const Snapshot& snapshot, const Asked& asked, TargetScratch& scratch, Match& found, Trace& trace) {
  const RequestInfo info{.host = found.target.host,
                         .path = found.target.path,
                         .method = asked.head.method,
                         .tier = found.tier,
                         .client = found.client.address,
                         .fields = asked.head.fields,
                         .kept = found.target.kept};
  const auto route = match(*snapshot.routes, info, scratch, trace);
  if (!route) return route.error();
  found.route = *route;
  return std::nullopt;
}

// 403 when the route does not allow this client.
template <class Trace>
MaybeRefused admit(const Match& match, Trace& trace) {
  const bool allowed = match.route->allows(match.client.address);
  if (match.route->allow) {
    trace.note("allow",
               [&] { return match.client.address.to_string() + (allowed ? " is allowed" : " is not allowed"); });
  }
  if (!allowed) return http::Refusal{.status = 403, .reason = "client not in the route's allow list"};
  return std::nullopt;
}

// 429 when a limit of the route has been used up.
template <class AnyLive, class Trace>
MaybeRefused limit(const Match& match, const Asked& asked, LimitRuling& ruling, Trace& trace) {
  if (match.route->limits.empty()) return std::nullopt;
  const LimitSubject subject{.client = match.client.address,
                             .fields = asked.head.fields,
                             .tier = match.tier,
                             .host = match.target.host,
                             .route = match.route->name};
  constexpr Counting kCounting = std::is_const_v<AnyLive> ? Counting::foresee : Counting::count;
  ruling = rule(match.route->limits, subject, asked.now, kCounting);
  if (ruling.by == nullptr) return std::nullopt;
  trace.note("limit", [&] { return words_of(ruling); });
  if (!ruling.refused) return std::nullopt;
  return http::Refusal{.status = 429, .reason = ruling.by->reason()};
}

void refuse(Decision& decision, const http::Refusal& refusal) {
  decision.kind = Decision::Kind::refused;
  decision.refusal = refusal;
}

// What the route's action says, where that is no pool.
void answer_ourselves(Decision& decision, http::Method method) {
  const Action& action = decision.match.route->action;
  if (std::holds_alternative<StaticFiles>(action)) {
    decision.kind = Decision::Kind::files;
    const bool reads = method == http::Method::get || method == http::Method::head;
    if (!reads) refuse(decision, {.status = 405, .reason = "files are for GET and HEAD"});
  } else {
    const bool redirects = std::holds_alternative<Redirect>(action);
    decision.kind = redirects ? Decision::Kind::redirect : Decision::Kind::respond;
  }
}

PoolRequest bring_to(const Pool& pool, const Asked& asked, const Match& found) {
  PoolRequest request;
  const KeySource source{.client = found.client.address, .fields = asked.head.fields, .path = found.target.path};
  request.pool = &pool;
  request.key = request_key(pool, source);
  request.session = session_of(pool, asked.head.fields);
  request.tier = found.tier;
  return request;
}

// Whether its tier gets nothing of what is left of the pool's capacity.
template <class AnyLive, class Trace>
bool shed(PoolRequest& request, AnyLive& live, Trace& trace) {
  const Pool& pool = *request.pool;
  if (pool.shed.mode == shared::Mode::disabled) return false;
  auto& of_pool = live.pool(pool.slot);
  const std::uint32_t in_flight = of_pool.in_flight.load(std::memory_order_relaxed);
  const std::uint32_t capacity = of_pool.capacity.load(std::memory_order_relaxed);
  if (!pool.shed.sheds(request.tier, in_flight, capacity)) return false;
  const bool shadow = pool.shed.mode == shared::Mode::shadow;
  trace.note("shed", [&] {
    return std::to_string(in_flight) + " of " + std::to_string(capacity) + " places are in use: the tier " +
           (shadow ? "would be refused, were it to be enforced" : "is refused");
  });
  if constexpr (!std::is_const_v<AnyLive>) {
    (shadow ? of_pool.shed_shadowed : of_pool.shed).fetch_add(1, std::memory_order_relaxed);
  }
  if (!shadow) request.overload = Overload::shed;
  return !shadow;
}

}  // namespace

template <class AnyLive, class Trace>
void decide_server(Decision& decision, const Snapshot& snapshot, AnyLive& live, const Asked& asked,
                   const DecideState& state, Trace& trace) {
  decision.at_cache = false;
  if (const auto over = limit<AnyLive>(decision.match, asked, decision.limit, trace)) return refuse(decision, *over);
  if (shed(decision.at_pool, live, trace)) return;
  const PickMoment moment{.addresses = *snapshot.addresses, .now = asked.now};
  // Whoever only foresees wants to know where it leads all the same.
  if (!std::is_const_v<AnyLive> && decision.has_to_wait()) return;
  decision.first = next_server(decision.at_pool, moment, live, state.balance, trace);
}

template <class AnyLive, class Trace>
Decision decide(const Snapshot& snapshot, AnyLive& live, const Asked& asked, const DecideState& state, Trace& trace) {
  Decision decision;
  Match& found = decision.match;
  if (const auto refusal = identify(snapshot, asked, state.scratch, found, trace)) {
    refuse(decision, *refusal);
  } else if (found.target.path == kHealthPath) {
    decision.kind = Decision::Kind::health_page;
  } else if (asked.to_https) {
    decision.kind = Decision::Kind::to_https;
  } else if (const auto unmatched = match(snapshot, asked, state.scratch, found, trace)) {
    refuse(decision, *unmatched);
  } else if (const auto turned_away = admit(found, trace)) {
    refuse(decision, *turned_away);
  } else if (const auto* pool = std::get_if<PoolId>(&found.route->action)) {
    decision.kind = Decision::Kind::pool;
    decision.at_pool = bring_to(snapshot.pools->effective(*pool), asked, found);
    decision.at_cache = asked.to_cache && found.route->cache != nullptr;
    if (!decision.at_cache) decide_server(decision, snapshot, live, asked, state, trace);
  } else if (const auto over = limit<AnyLive>(found, asked, decision.limit, trace)) {
    refuse(decision, *over);
  } else {
    answer_ourselves(decision, asked.head.method);
  }
  return decision;
}

template Decision decide(const Snapshot&, Live&, const Asked&, const DecideState&, shared::NullTrace&);
template Decision decide(const Snapshot&, Live&, const Asked&, const DecideState&, shared::RecordingTrace&);
template Decision decide(const Snapshot&, const Live&, const Asked&, const DecideState&, shared::RecordingTrace&);
template void decide_server(Decision&, const Snapshot&, Live&, const Asked&, const DecideState&, shared::NullTrace&);

}  // namespace edge
