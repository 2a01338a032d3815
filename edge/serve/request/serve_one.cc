#include "edge/serve/request/serve_one.h"

#include <algorithm>

#include "edge/serve/request/account.h"
#include "edge/serve/request/answer.h"
#include "edge/serve/request/request.h"
#include "edge/serve/request/send_rest.h"
#include "edge/serve/request/tries.h"
#include "shared/serve/tls/tls_server.h"

namespace edge {
namespace {

// A connection that was let in under one name asks for a host whose rule for clients' certificates is another one
// (RFC 9110 7.4).
bool misdirected(const shared::TlsFacts* tls, std::string_view host) {
  if (tls == nullptr || tls->server == nullptr || !tls->server->asks_for_certificates()) return false;
  return !tls->server->same_rule(tls->host, tls->server->host_of(host));
}

// match, admit and the first pick.
void decide(Request& r) {
  shared::NullTrace trace;
  const Asked asked{.head = *r.asked.head, .peer = r.asked.peer, .now = r.now(), .to_https = r.asked.to_https};
  const DecideState state{.scratch = r.exchange.work.target, .balance = r.context.balance};
  r.decision = decide(*r.snapshot, r.context.live, asked, state, trace);
  if (!misdirected(r.asked.tls, r.found().target.host)) return;
  r.decision.kind = Decision::Kind::refused;
  r.decision.refusal = {.status = 421, .reason = "this host has another rule for clients' certificates"};
}

// The id of the connection that a proxy in front has told, visible ASCII; what follows on it has one of its own behind.
std::string introduced_id(const RequestFacts& asked, std::string_view fresh) {
  if (asked.introduction == nullptr) return {};
  const std::string& id = asked.introduction->unique_id;
  if (!std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7F; })) return {};
  return id.empty() || asked.first ? id : id + "-" + std::string(fresh);
}

// What every attempt of a request at its pool has in common.
void prepare(Request& r) {
  r.idempotent = is_idempotent(r.asked.head->method);
  r.body.emplace(r.exchange.source, r.exchange.work.kept_body, r.idempotent ? r.pool().retry.buffer : 0);
  std::ranges::copy(r.context.request_ids.fresh(), r.fresh_id.begin());
  const std::string_view fresh(r.fresh_id.data(), r.fresh_id.size());
  r.introduced_id = introduced_id(r.asked, fresh);
  r.request_id =
      request_id_of(r.asked.head->fields, r.found().client, r.introduced_id.empty() ? fresh : r.introduced_id);
}

}  // namespace

Task<> serve_one(Exchange exchange, WorkerContext& context) {
  Request request(exchange, context);
  Waiter& waiter = exchange.waiter;
  decide(request);
  if (request.decision.kind == Decision::Kind::pool) {
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
    if (!request.done) answer_error(request);
  } else {
    answer_ourselves(request);
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
