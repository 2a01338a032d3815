#include "edge/core/decide/decide.h"

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "edge/core/decide/hop_fields.h"
#include "edge/core/pool/request_key.h"
#include "edge/core/route/gate.h"
#include "edge/core/route/mirror_rule.h"

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
  snapshot.routes->prefetch_limits(found.client.address);
  const auto target = resolve_target(asked.head, scratch);
  if (!target) return target.error();
  found.target = *target;
  if (snapshot.settings->merge_slashes) found.target.kept = found.target.path;
  found.asked_path = found.target.kept;
  found.asked_query = found.target.query;
  trace.note("target", [&] {
    const std::string forwarded =
        found.target.kept == target->path ? "" : ", forwarded as " + std::string(target->kept);
    return "host " + std::string(target->host) + ", path " + std::string(target->path) + forwarded;
  });
  if (doubles_the_tier(*snapshot.tiers, found.client, fields)) {
    return http::Refusal{.status = 400, .reason = "a field that the tier goes by has two values"};
  }
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
                         .kept = found.target.kept,
                         .visitor = &found.visitor};
  found.visitor.draw(asked.drawn);
  const auto route = match(*snapshot.routes, info, scratch, trace);
  for (const std::string_view cookie : found.visitor.cookies()) {
    trace.note("share", [&] {
      return "a new visitor, without the cookie " + std::string(cookie) + ": drawn by chance, and given it";
    });
  }
  if (!route) return route.error();
  found.route = *route;
  found.response_rules = &found.route->response_rules;
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

// Is this request counted at the gate, or is it foreseen what would become of one?
template <class AnyLive>
bool counts(const Asked& asked) {
  return !std::is_const_v<AnyLive> && asked.ruled == nullptr && !asked.for_cache;
}

// 403 when one of its access lists denies this client.
template <class AnyLive, class Trace>
MaybeRefused ask_lists(const Gate& gate, const Asked& asked, const Match& match, Trace& trace) {
  const auto counting = counts<AnyLive>(asked) ? AccessCounting::count : AccessCounting::foresee;
  const AccessList* denial = first_denial(gate.access, match.client.address, counting);
  for (const auto& list : gate.access) {
    if (list->mode() == shared::Mode::disabled) continue;
    const std::string_view mode = list->mode() == shared::Mode::shadow ? " (shadow)" : "";
    trace.note("access", [&] { return list->words_for(match.client.address) + std::string(mode); });
    if (list.get() == denial) break;
  }
  if (denial == nullptr) return std::nullopt;
  return http::Refusal{.status = 403, .reason = denial->reason()};
}

// 503 while the route is worked on.
template <class Trace>
MaybeRefused ask_maintenance(const Gate& gate, Decision& decision, Trace& trace) {
  if (!gate.maintenance) return std::nullopt;
  const bool works = gate.maintenance->bypass.contains(decision.match.client.address);
  decision.would_be_closed = !works && gate.maintenance->mode == shared::Mode::shadow;
  trace.note("maintenance", [&] {
    if (decision.would_be_closed) return std::string("would be closed, were it to be enforced");
    return std::string(works ? "passed by, as one who may" : "closed");
  });
  if (works || decision.would_be_closed) return std::nullopt;
  decision.closed_for = gate.maintenance->retry_after;
  return http::Refusal{.status = 503, .reason = "the route is in maintenance"};
}

// The edge goes by the first of two, and the server behind it, which may believe what the edge has let in, perhaps by
// the last.
bool shows_two(const Gate& gate, const http::FieldList& fields) {
  return doubles_a_credential(fields) &&
         std::ranges::any_of(gate.auth, [](const auto& one) { return one->mode() == shared::Mode::enforce; });
}

// Who asks, where the route wants to know: 401; 400 of who says that twice.
template <class AnyLive, class Trace>
MaybeRefused ask_identity(const Gate& gate, Decision& decision, const Asked& asked, const DecideState& state,
                          Trace& trace) {
  if (gate.auth.empty()) return std::nullopt;
  if (shows_two(gate, asked.head.fields)) {
    return http::Refusal{.status = 400, .reason = "Authorization or X-Api-Key has two values"};
  }
  const AuthMoment moment{
      .now = asked.now, .wall = asked.wall, .cache = state.credentials, .counts = !std::is_const_v<AnyLive>};
  AuthRuling ruling = authenticate(gate.auth, asked.head.fields, moment);
  trace.note("auth", [&] { return words_of(ruling); });
  if (ruling.kind == AuthRuling::Kind::refused) {
    decision.challenge = ruling.by->challenge();
    return http::Refusal{.status = 401, .reason = ruling.reason};
  }
  if (ruling.check) decision.check = std::make_unique<PasswordCheck>(std::move(*ruling.check));
  if (ruling.identity != nullptr && ruling.identity->tier) decision.match.tier = *ruling.identity->tier;
  decision.match.identity = std::move(ruling.identity);
  decision.match.shown_in = ruling.shown_in;
  return std::nullopt;
}

// What a route asks of a request before its action. `passed` is the gate of another route that was passed before; null:
// none was.
template <class AnyLive, class Trace>
MaybeRefused pass_gate(Decision& decision, const Asked& asked, const DecideState& state, const Gate* passed,
                       Trace& trace) {
  const Gate* gate = decision.match.route->gate.get();
  if (gate == nullptr) return std::nullopt;
  const http::FieldList& fields = asked.head.fields;
  if (gate->cors) decision.match.response_rules = &gate->cors->rules_for(fields);
  if (const auto denied = ask_lists<AnyLive>(*gate, asked, decision.match, trace)) return denied;
  if (const auto closed = ask_maintenance(*gate, decision, trace)) return closed;
  if (gate->max_body && asked.body_length > *gate->max_body) {
    return http::Refusal{.status = 413, .reason = "body over the route's limit"};
  }
  if (gate->cors && is_preflight(asked.head.method, fields)) {
    decision.kind = Decision::Kind::preflight;
    decision.match.response_rules = &gate->cors->preflight_rules_for(fields);
    trace.note("cors", [] { return std::string("preflight"); });
    return std::nullopt;
  }
  if (passed != nullptr && passed->auth == gate->auth) return std::nullopt;  // it would be counted twice
  return ask_identity<AnyLive>(*gate, decision, asked, state, trace);
}

// Who it is may say the tier, and a route is chosen by the tier, too: then the routes are asked once more. The one that
// is found has everything asked that it wants, so nothing is passed by.
template <class AnyLive, class Trace>
MaybeRefused match_again(const Snapshot& snapshot, Decision& decision, const Asked& asked, const DecideState& state,
                         Trace& trace) {
  Match& found = decision.match;
  const Route* before = found.route;
  trace.note("tier", [&] {
    return std::string(snapshot.tiers->name(found.tier)) + ", by who it is: the routes are asked again";
  });
  if (const auto unmatched = match(snapshot, asked, state.scratch, found, trace)) return unmatched;
  if (found.route == before && before->gate != nullptr && before->gate->cors) {
    found.response_rules = &before->gate->cors->rules_for(asked.head.fields);
  }
  if (found.route == before || asked.mirrored) return std::nullopt;
  decision.would_be_closed = false;
  if (const auto turned_away = admit(found, trace)) return turned_away;
  return pass_gate<AnyLive>(decision, asked, state, before->gate.get(), trace);
}

// Past all that is asked of a request before its route's action.
template <class AnyLive, class Trace>
MaybeRefused enter(const Snapshot& snapshot, Decision& decision, const Asked& asked, const DecideState& state,
                   Trace& trace) {
  const TierId tier = decision.match.tier;
  if (const auto turned_away = admit(decision.match, trace)) return turned_away;
  if (const auto stopped = pass_gate<AnyLive>(decision, asked, state, nullptr, trace)) return stopped;
  if (decision.match.tier == tier || decision.kind == Decision::Kind::preflight) return std::nullopt;
  return match_again<AnyLive>(snapshot, decision, asked, state, trace);
}

// The same of a copy: whom it is of has passed all of it, but may have been led to its route by who it is.
template <class Trace>
MaybeRefused enter_copy(const Snapshot& snapshot, Decision& decision, const Asked& asked, const DecideState& state,
                        Trace& trace) {
  const TierId tier = decision.match.tier;
  const Gate* gate = decision.match.route->gate.get();
  if (gate == nullptr || ask_identity<const Live>(*gate, decision, asked, state, trace)) return std::nullopt;
  decision.check.reset();
  if (decision.match.tier == tier) return std::nullopt;
  return match_again<const Live>(snapshot, decision, asked, state, trace);
}

// What servers, and redirects, get for path and query. 400 when that would mean another path to them.
template <class Trace>
MaybeRefused rewrite(Match& found, TargetScratch& scratch, Trace& trace) {
  const Gate* gate = found.route->gate.get();
  if (gate == nullptr || found.target.path == "*") return std::nullopt;
  RequestTarget& target = found.target;
  if (const PathRule* rule = rewrite_path(gate->path, target.kept, scratch.sent_path)) {
    if (has_dot_segment(scratch.sent_path)) {
      return http::Refusal{.status = 400, .reason = "the rewritten path would have a dot segment"};
    }
    if (!has_normal_escapes(scratch.sent_path)) {
      return http::Refusal{.status = 400, .reason = "the rewritten path would have an escape that is refused"};
    }
    target.kept = scratch.sent_path;
    found.rewritten = true;
    trace.note("rewrite", [&] { return "to " + scratch.sent_path + ", by " + rule->text(); });
  }
  if (!gate->query.empty()) {
    gate->query.rewrite(target.query, scratch.sent_query);
    target.query = scratch.sent_query;
    found.rewritten = true;
    trace.note("query", [&] { return scratch.sent_query.empty() ? std::string("none") : scratch.sent_query; });
  }
  return std::nullopt;
}

// 429 when a limit of the route has been used up.
template <class AnyLive, class Trace>
MaybeRefused limit(const Match& match, const Asked& asked, LimitRuling& ruling, Trace& trace) {
  if (match.route->limits.empty()) return std::nullopt;
  if (asked.ruled != nullptr && asked.ruled_by == match.route) {
    ruling = *asked.ruled;
    return std::nullopt;
  }
  const LimitSubject subject = limit_subject(match, asked.head.fields);
  constexpr Counting kCounting = std::is_const_v<AnyLive> ? Counting::foresee : Counting::count;
  ruling = rule(match.route->limits, subject, asked.now, kCounting);
  for (const auto& one : match.route->limits) {
    trace.note("limit",
               [&] { return one.get() == ruling.by ? words_of(ruling) : words_for(*one, subject, asked.now); });
  }
  if (ruling.by == nullptr) return std::nullopt;
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

// The session that it brings to a pool whose servers make them.
template <class Trace>
void find_session(PoolRequest& request, const Asked& asked, Trace& trace) {
  const LearnedSessions& sessions = *request.pool->sticky.learned;
  const std::string_view value = sessions.value_of(asked.head.fields);
  request.learned = look_up(sessions, value, asked.now);
  if (!value.empty()) request.key = sessions.hash_of(value);
  if (request.learned.end == SessionEnd::known) request.session = sessions.server_of(request.learned.tag);
  trace.note("session", [&] {
    const std::string_view at = request.session ? std::string_view(request.pool->servers[*request.session].name) : "";
    return words_of(sessions, request.learned, at);
  });
}

// Filled where it stays: it has room for every server that a request may try.
template <class Trace>
void bring_to(const Pool& pool, PoolRequest& request, const Asked& asked, const Match& found, Trace& trace) {
  const KeySource source{.client = found.client.address, .fields = asked.head.fields, .path = found.target.path};
  request.pool = &pool;
  request.key = request_key(pool, source);
  request.session = session_of(pool, asked.head.fields);
  request.tier = found.tier;
  if (pool.sticky.learned != nullptr) find_session(request, asked, trace);
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

template <class AnyLive, class Trace>
void pick_server(Decision& decision, const Snapshot& snapshot, AnyLive& live, const Asked& asked,
                 const DecideState& state, Trace& trace) {
  if (shed(decision.at_pool, live, trace)) return;
  const PickMoment moment{.addresses = *snapshot.addresses, .now = asked.now};
  // Whoever only foresees wants to know where it leads all the same.
  decision.unpicked =
      !std::is_const_v<AnyLive> && (decision.has_to_wait() || decision.at_pool.learned.end == SessionEnd::asked);
  if (decision.unpicked) return;
  decision.first = next_server(decision.at_pool, moment, live, state.balance, trace);
}

// "pool next gets a copy of 1 % of the requests"
std::string words_of(const MirrorRule& mirror, std::string_view pool) {
  std::string percent = std::to_string(mirror.share * 100);
  percent.erase(percent.find_last_not_of('0') + 1);
  if (percent.ends_with('.')) percent.pop_back();
  return "pool " + std::string(pool) + " gets a copy of " + percent + " % of the requests";
}

// What becomes of a request that the gate has let in. Limits come before a password costs the time of its check, and
// where a cache is asked first after it.
template <class AnyLive, class Trace>
void proceed(Decision& decision, const Snapshot& snapshot, AnyLive& live, const Asked& asked, const DecideState& state,
             Trace& trace) {
  Match& found = decision.match;
  const auto* pool = std::get_if<PoolId>(&found.route->action);
  const Pool* chosen = pool == nullptr ? nullptr : &snapshot.pools->effective(*pool);
  if (takes_off_what_counts(*found.route, chosen, asked.head.fields)) {
    return refuse(decision, {.status = 400, .reason = "Connection names a field that the route goes by"});
  }
  if (doubles_what_counts(*found.route, chosen, asked.head.fields)) {
    return refuse(decision, {.status = 400, .reason = "a field that the route goes by has two values"});
  }
  const bool cached = pool != nullptr && asked.to_cache && found.route->cache != nullptr && decision.check == nullptr;
  if (!cached) {
    if (const auto over = limit<AnyLive>(found, asked, decision.limit, trace)) return refuse(decision, *over);
  }
  if (decision.check != nullptr) {
    decision.kind = Decision::Kind::password;
    return;
  }
  if (const auto twisted = rewrite(found, state.scratch, trace)) return refuse(decision, *twisted);
  if (pool == nullptr) return answer_ourselves(decision, asked.head.method);
  if (const MirrorRule* mirror = found.route->mirror.get()) {
    trace.note("mirror", [&] { return words_of(*mirror, snapshot.pools->configured(mirror->pool).name); });
  }
  decision.kind = Decision::Kind::pool;
  bring_to(*chosen, decision.at_pool, asked, found, trace);
  decision.at_cache = cached;
  if (!cached) pick_server(decision, snapshot, live, asked, state, trace);
}

// A copy goes to its pool, as its route has it rewritten: whom it is of has passed lists, gate and limits.
template <class AnyLive, class Trace>
void decide_copy(Decision& decision, const Snapshot& snapshot, AnyLive& live, const Asked& asked,
                 const DecideState& state, Trace& trace) {
  Match& found = decision.match;
  if (const auto unmatched = enter_copy(snapshot, decision, asked, state, trace)) return refuse(decision, *unmatched);
  // A reload between the two may have ended it.
  if (found.route->mirror == nullptr) return refuse(decision, {.status = 404, .reason = "the route has no mirror"});
  if (const auto twisted = rewrite(found, state.scratch, trace)) return refuse(decision, *twisted);
  decision.kind = Decision::Kind::pool;
  bring_to(snapshot.pools->effective(found.route->mirror->pool), decision.at_pool, asked, found, trace);
  decision.at_pool.session.reset();
  decision.at_pool.learned = {};
  pick_server(decision, snapshot, live, asked, state, trace);
}

}  // namespace

template <class AnyLive, class Trace>
void decide_server(Decision& decision, const Snapshot& snapshot, AnyLive& live, const Asked& asked,
                   const DecideState& state, Trace& trace) {
  decision.at_cache = false;
  if (const auto over = limit<AnyLive>(decision.match, asked, decision.limit, trace)) return refuse(decision, *over);
  pick_server(decision, snapshot, live, asked, state, trace);
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
  } else if (asked.mirrored) {
    decide_copy(decision, snapshot, live, asked, state, trace);
  } else if (const auto stopped = enter<AnyLive>(snapshot, decision, asked, state, trace)) {
    refuse(decision, *stopped);
  } else if (decision.kind != Decision::Kind::preflight) {
    proceed(decision, snapshot, live, asked, state, trace);
  }
  return decision;
}

template Decision decide(const Snapshot&, Live&, const Asked&, const DecideState&, shared::NullTrace&);
template Decision decide(const Snapshot&, Live&, const Asked&, const DecideState&, shared::RecordingTrace&);
template Decision decide(const Snapshot&, const Live&, const Asked&, const DecideState&, shared::RecordingTrace&);
template void decide_server(Decision&, const Snapshot&, Live&, const Asked&, const DecideState&, shared::NullTrace&);
template void decide_server(Decision&, const Snapshot&, Live&, const Asked&, const DecideState&,
                            shared::RecordingTrace&);

}  // namespace edge
