#include "edge/serve/request/serve_one.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "edge/core/decide/explain.h"
#include "edge/core/message/explain_fields.h"
#include "edge/core/message/grpc.h"
#include "edge/core/route/gate.h"
#include "edge/serve/request/account.h"
#include "edge/serve/request/answer.h"
#include "edge/serve/request/compressing_sink.h"
#include "edge/serve/request/mirror.h"
#include "edge/serve/request/request.h"
#include "edge/serve/request/send_rest.h"
#include "edge/serve/request/session_asking.h"
#include "edge/serve/request/spans.h"
#include "edge/serve/request/ticket.h"
#include "edge/serve/request/tries.h"
#include "shared/serve/tls/tls_server.h"

namespace edge {
namespace {

// A connection that was let in under one name asks for a host whose rule for clients' certificates is another one
// (RFC 9110 7.4). Asked before anything is decided: who is turned away has used no limit and holds no breaker's permit.
bool misdirected(Request& r) {
  const shared::TlsFacts* tls = r.asked.tls;
  if (tls == nullptr || tls->server == nullptr || !tls->server->asks_for_certificates()) return false;
  const auto target = resolve_target(*r.asked.head, r.exchange.work.target);
  if (!target || tls->server->same_rule(tls->host, tls->server->host_of(target->host))) return false;
  r.decision.match.target = *target;
  r.decision.match.asked_query = target->query;
  r.decision.match.client = identify_client(r.asked.peer, r.asked.head->fields, r.snapshot->settings->trusted_proxies);
  r.decision.refusal = {.status = 421, .reason = "this host has another rule for clients' certificates"};
  return true;
}

DecideState state_of(Request& r) {
  return {.scratch = r.exchange.work.target, .balance = r.context.balance, .credentials = &r.context.credentials};
}

Asked asked_of(const Request& r) {
  return {.head = *r.asked.head,
          .peer = r.asked.peer,
          .now = r.now(),
          .to_https = r.asked.https_port != 0,
          .to_cache = r.asked.has_client(),
          .for_cache = r.asked.fetch != nullptr,
          .mirrored = r.asked.mirrored != nullptr,
          .body_length = r.asked.framing.body.length,
          .wall = r.context.http_date.wall(r.now()),
          .drawn = r.snapshot->routes->gives_cookies() ? drawn_for(r.asked) : 0,
          .ruled = r.ruled ? &*r.ruled : nullptr,
          .ruled_by = r.ruled_by};
}

void tell_limit(Request& r) {
  const LimitRuling& limit = r.decision.limit;
  if (limit.by == nullptr) return;
  if (!limit.refused && !limit.by->settings().announce) return;
  r.rate_limit = ratelimit_field(limit);
  r.rate_policy = limit.by->policy();
}

// What the cache stores says nothing of one client's limit: where it is sent from there, that is added.
void announce_limit(Request& r) {
  const bool own = r.cached != nullptr && r.cached->own() != nullptr && !r.decision.limit.refused;
  if (r.asked.fetch == nullptr && !own) tell_limit(r);
}

// One who may be told wants to know what is decided of his request.
bool is_explained(const Request& r) {
  const Settings& settings = *r.snapshot->settings;
  if (settings.explain_to.empty() || !r.asked.has_client()) return false;
  const http::FieldList& fields = r.asked.head->fields;
  const http::Field* field = fields.find(kExplainField);
  if (field == nullptr || field->value != "1") return false;
  return settings.explain_to.contains(identify_client(r.asked.peer, fields, settings.trusted_proxies).address);
}

// A copy is of whoever its request is of, as the gate has found: it is told, too.
void introduce_copy(Request& r) {
  const std::shared_ptr<const Principal>& shown = r.asked.mirrored->shown();
  if (shown == nullptr) return;
  r.decision.match.identity = shown;
  // A reload between the two may have ended the tier.
  if (shown->tier && !r.snapshot->tiers->name(*shown->tier).empty()) r.decision.match.tier = *shown->tier;
}

// match, admit, gate, limit and the first pick; where a cache is asked first, not the last two.
void decide(Request& r) {
  r.grpc = is_grpc(r.asked.head->fields);
  if (r.grpc) {
    if (const auto timeout = grpc_timeout(r.asked.head->fields)) r.deadline = r.asked.head_read + *timeout;
  }
  if (misdirected(r)) return;
  if (r.asked.mirrored != nullptr) {
    r.deadline = std::min(r.deadline, r.asked.head_read + r.asked.mirrored->rule().timeout);
  }
  const DecideState state = state_of(r);
  if (is_explained(r)) [[unlikely]] {
    r.explained = std::make_unique<shared::RecordingTrace>();
    r.decision = decide(*r.snapshot, r.context.live, asked_of(r), state, *r.explained);
  } else {
    shared::NullTrace trace;
    // Built where it stays: assigned, it would be some 500 octets that are moved with every request.
    std::destroy_at(&r.decision);
    ::new (static_cast<void*>(&r.decision)) Decision(decide(*r.snapshot, r.context.live, asked_of(r), state, trace));
  }
  if (r.asked.mirrored != nullptr) introduce_copy(r);
  announce_limit(r);
}

// The id of the connection that a proxy in front has told, visible ASCII; what follows on it has one of its own behind.
std::string introduced_id(const RequestFacts& asked, std::string_view fresh) {
  if (asked.introduction == nullptr) return {};
  const std::string& id = asked.introduction->unique_id;
  if (!std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7F; })) return {};
  return id.empty() || asked.first ? id : id + "-" + std::string(fresh);
}

void name_request(Request& r) {
  if (!r.request_id.empty()) return;
  const std::string_view fresh = r.own_id();
  r.introduced_id = introduced_id(r.asked, fresh);
  begin_trace(r);
  r.request_id =
      request_id_of(r.asked.head->fields, r.found().client, r.introduced_id.empty() ? fresh : r.introduced_id);
}

AddingSink& answer_of_ours(Request& r) {
  if (r.adding == nullptr) {
    r.adding = std::make_unique<AddingSink>(r.exchange.sink, r.snapshot->settings->response_rules);
    r.interpose(*r.adding);
  }
  return *r.adding;
}

// What is decided, and how it came about; and by which name the log knows the request.
void tell_decision(Request& r) {
  name_request(r);
  std::string words = answer_of(r.decision, *r.snapshot, r.context.live);
  for (const auto& line : r.explained->lines()) words.append("; ").append(line.topic).append(": ").append(line.text);
  constexpr std::size_t kTraceAt = 3;  // behind the version
  constexpr std::size_t kTraceSize = 32;
  const std::string_view traced = std::string_view(r.traceparent);
  const std::string_view id =
      traced.size() > kTraceAt + kTraceSize ? traced.substr(kTraceAt, kTraceSize) : r.request_id;
  AddingSink& adding = answer_of_ours(r);
  adding.set(kTraceField, as_field_value(id));
  adding.set(kExplainField, as_field_value(words));
}

// Fields that the edge itself has to say in whatever answers.
void add_fields(Request& r) {
  if (!r.asked.has_client()) return;
  const NewVisitor& visitor = r.found().visitor;
  for (const std::string_view cookie : visitor.cookies()) {
    answer_of_ours(r).add("Set-Cookie", visitor_cookie(cookie, visitor, r.asked.scheme));
  }
  if (r.explained != nullptr) tell_decision(r);
}

// The cache has not answered: limit and the first pick.
void decide_server(Request& r) {
  const DecideState state = state_of(r);
  if (r.explained != nullptr) [[unlikely]] {
    decide_server(r.decision, *r.snapshot, r.context.live, asked_of(r), state, *r.explained);
    tell_decision(r);
  } else {
    shared::NullTrace trace;
    decide_server(r.decision, *r.snapshot, r.context.live, asked_of(r), state, trace);
  }
  announce_limit(r);
}

constexpr shared::Duration kPasswordPatience = shared::seconds(10);

constexpr shared::Duration kUnchecked = shared::seconds(1);

bool begins_check(Request& r);

// What the limits have said stands, whatever the password is.
void keep_ruling(Request& r) {
  r.ruled = r.decision.limit;
  r.ruled_by = r.decision.match.route;
}

// The password that it waits for is not checked. A policy in shadow turns nobody away: for it that is a wrong one.
bool ends_unchecked(Request& r, std::string_view why) {
  const std::shared_ptr<PendingPassword> pending = std::exchange(r.pending, nullptr);
  pending->waiter = nullptr;
  if (pending->check.policy->mode() == shared::Mode::enforce) {
    r.fail({.kind = ErrorKind::exhausted, .side = Side::internal, .detail = why});
    return false;
  }
  r.context.credentials.put(pending->check.key, nullptr, r.now() + kUnchecked);
  keep_ruling(r);
  decide(r);
  return begins_check(r);
}

// A password is to be checked, which is done elsewhere. False: there is none, or there are too many.
bool begins_check(Request& r) {
  if (r.decision.kind != Decision::Kind::password) return false;
  r.pending = std::make_shared<PendingPassword>();
  r.pending->check = *r.decision.check;
  r.pending->waiter = &r.exchange.waiter;
  if (r.context.passwords.submit(r.pending)) return true;
  return ends_unchecked(r, "too many passwords wait to be checked");
}

shared::TimePoint check_deadline(const Request& r) { return r.asked.head_read + kPasswordPatience; }

// Is it still being checked? When it has been, everything is decided once more, over what is known now.
bool waits_for_check(Request& r) {
  if (!r.pending->finished) {
    if (r.exchange.source.abandoned()) {
      r.fail({.kind = ErrorKind::client_closed, .side = Side::client, .detail = "client closed"});
      return false;
    }
    return r.now() < check_deadline(r) || ends_unchecked(r, "the password check took long");
  }
  const PasswordCheck& check = r.pending->check;
  std::shared_ptr<const Principal> who = r.pending->good ? check.policy->identity(check.user, std::nullopt) : nullptr;
  r.context.credentials.put(check.key, std::move(who), r.now() + (r.pending->good ? kGoodPassword : kWrongPassword));
  r.pending = nullptr;
  keep_ruling(r);
  decide(r);
  return begins_check(r);
}

// Its turn under the limits has not come yet. Whose client leaves meanwhile is not served.
bool waits_for_turn(Request& r) {
  if (r.failed || !r.decision.has_to_wait() || r.now() >= r.turn()) return false;
  if (r.decision.at_pool.overload == Overload::shed) return false;  // it is refused in any case
  if (r.now() >= r.deadline) {
    r.fail({.kind = ErrorKind::deadline, .side = Side::client, .detail = "deadline exceeded"});
    return false;
  }
  if (!r.exchange.source.abandoned()) return true;
  r.fail({.kind = ErrorKind::client_closed, .side = Side::client, .detail = "client closed"});
  return false;
}

// By word of its session, then by its turn.
bool is_held(Request& r) { return (r.session_lookup != nullptr && waits_for_session(r)) || waits_for_turn(r); }

shared::TimePoint held_until(const Request& r) {
  return r.session_lookup != nullptr ? session_deadline(r) : std::min(r.turn(), r.deadline);
}

// What the route has for answers, whoever gives them: hints ahead, and what stands before the client's sink, or before
// what the cache keeps.
void prepare_answer(Request& r, std::optional<CompressingSink>& compressing) {
  add_fields(r);
  const Decision::Kind kind = r.decision.kind;
  const bool counts = r.asked.has_client() || r.asked.fetch != nullptr;
  if (r.failed || !counts || (kind != Decision::Kind::pool && kind != Decision::Kind::files)) return;
  const Route& route = *r.found().route;
  if (!route.early_hints.empty()) tell_hints(r);
  if (route.compression != nullptr) {
    compressing.emplace(r.exchange, *route.compression, r.context.encoders, r.context.counters);
    r.interpose(*compressing);
  }
  const ErrorPages& pages = route.error_pages != nullptr ? *route.error_pages : r.snapshot->settings->error_pages;
  if (pages.empty() || !r.asked.has_client() || r.grpc || kind != Decision::Kind::pool) return;
  if (!pages.any_for_servers()) return;
  r.pages = std::make_unique<PageSink>(r.exchange.sink, pages, r.asked.head->method);
  r.interpose(*r.pages);
}

// Unless the cache answers at once a server is asked: meanwhile the client may fetch what the answer will want.
void hint_meanwhile(Request& r) {
  if (r.failed || r.done || r.decision.kind != Decision::Kind::pool || !r.found().route->learn_early_hints) return;
  if (r.cached == nullptr || !r.cached->answers()) tell_learned_hints(r);
}

// True while it waits for what the cache fetches.
bool begin_at_cache(Request& r) {
  bool waits = false;
  if (!r.failed && r.decision.at_cache) {
    r.cached = std::make_unique<CachedExchange>(r);
    waits = r.cached->begin();
  }
  hint_meanwhile(r);
  return waits;
}

// The cache has answered, or a server has to be asked.
void leave_cache(Request& r) {
  if (r.cached == nullptr) return;
  name_request(r);
  if (OwnFetch* const own = r.cached->own()) {
    own->interpose();
    return decide_server(r);
  }
  r.cached->tell(r);
  if (r.cached->refused()) return announce_limit(r);
  if (!r.done && !r.failed) decide_server(r);
}

// What a request has fetched for the cache by itself is over.
void leave_fetch(Request& r) {
  if (r.cached == nullptr || r.cached->own() == nullptr) return;
  r.cached->own()->finish(r.decision.kind != Decision::Kind::pool);
  r.cached->tell(r);
  tell_limit(r);
}

// True: no server is asked, or the cache has answered.
bool answers_without_server(Request& r) {
  if (!r.failed && r.decision.kind == Decision::Kind::pool) return r.done;
  leave_fetch(r);
  if (r.failed) {
    answer_error(r);
  } else {
    answer_ourselves(r);
  }
  return true;
}

// What every attempt of a request at its pool has in common.
void prepare(Request& r) {
  r.idempotent = is_idempotent(r.asked.head->method);
  // A server of HTTP/2 may say that it has not looked at a request: then any method is sent again.
  const bool may_repeat = r.idempotent || r.pool().protocol == ServerProtocol::h2;
  if (r.found().route->mirror != nullptr) r.context.mirrors->consider(r);
  r.body.emplace(r.exchange.source, r.exchange.work.kept_body, may_repeat ? r.pool().retry.buffer : 0);
  const Gate* gate = r.found().route->gate.get();
  if (gate != nullptr && gate->max_body) r.body->set_most(*gate->max_body);
  // Who has shown who he is may get a page of his own.
  const bool shown = r.found().identity != nullptr || (r.asked.tls != nullptr && !r.asked.tls->peer_subject.empty());
  const bool learns = r.found().route->learn_early_hints && r.asked.mirrored == nullptr && !shown;
  if (learns && r.asked.head->method == http::Method::get) r.learner.emplace(r);
  name_request(r);
}

}  // namespace

Task<> serve_one(Exchange exchange, WorkerContext& context) {
  Request request(exchange, context);
  Waiter& waiter = exchange.waiter;
  decide(request);
  bool checking = begins_check(request);
  while (checking) {
    const shared::TimePoint deadline = check_deadline(request);
    co_await waiter.until(deadline);
    checking = waits_for_check(request);
  }
  std::optional<CompressingSink> compressing;
  prepare_answer(request, compressing);
  bool cached = begin_at_cache(request);
  while (cached) {
    const shared::TimePoint deadline = request.cached->deadline();
    co_await waiter.until(deadline);
    cached = request.cached->advance();
  }
  leave_cache(request);
  bool held = asks_for_session(request) || waits_for_turn(request);
  while (held) {
    const shared::TimePoint until = held_until(request);
    co_await waiter.until(until);
    held = is_held(request);
  }
  Ticket ticket(request);
  bool queued = ticket.begin();
  while (queued) {
    const shared::TimePoint deadline = ticket.deadline();
    co_await waiter.until(deadline);
    queued = ticket.waits();
  }
  if (!answers_without_server(request)) {
    prepare(request);
    Tries tries(request);
    bool more = tries.begin();
    while (more) {
      bool waiting = tries.waiting();
      while (waiting) {
        const shared::TimePoint deadline = tries.deadline();
        const Wake wake = co_await waiter.until(deadline);
        waiting = tries.advance(wake);
      }
      more = tries.end() && tries.begin();
    }
    leave_fetch(request);
    if (!request.done) answer_error(request);
  }
  SendRest rest(request);
  bool sending = rest.advance();
  while (sending) {
    const shared::TimePoint deadline = rest.deadline();
    co_await waiter.until(deadline);
    sending = rest.advance();
  }
  account(request);
}

}  // namespace edge
