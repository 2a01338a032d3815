#include "edge/serve/request/serve_one.h"

#include <algorithm>
#include <string>
#include <variant>

#include "edge/serve/request/account.h"
#include "edge/serve/request/health_page.h"
#include "edge/serve/request/request.h"
#include "edge/serve/request/send_rest.h"
#include "edge/serve/request/tries.h"
#include "shared/http/status.h"

namespace edge {
namespace {

// match, admit and the first pick.
void decide(Request& r) {
  shared::NullTrace trace;
  const Asked asked{.head = r.exchange.head(), .peer = r.exchange.peer(), .now = r.now()};
  const DecideState state{.scratch = r.exchange.work().target, .balance = r.context.balance};
  r.decision = decide(*r.snapshot, r.context.live, asked, state, trace);
}

void refuse(Request& r) {
  const http::Refusal& refusal = r.decision.refusal;
  OwnResponse response = own_error(refusal.status);
  // After a request that breaks the protocol nothing on this connection can be trusted.
  response.persistence = refusal.status == 400 ? http::Persistence::close : http::Persistence::keep;
  if (refusal.status == 405) response.allow = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";
  r.exchange.respond(response);
  r.fail({.kind = kind_of(refusal), .side = Side::client, .detail = refusal.reason});
  r.status = refusal.status;
  r.reason = refusal.reason;
}

void show_health(Request& r) {
  const HealthPage page = health_page(*r.snapshot, r.context.live);
  OwnResponse response;
  response.status = page.status;
  response.body = page.body;
  response.content_type = "application/json";
  response.persistence = http::Persistence::keep;
  r.exchange.respond(response);
  r.status = page.status;
}

void respond(Request& r) {
  const auto& action = std::get<Respond>(r.found().route->action);
  OwnResponse response;
  response.status = action.status;
  response.body = action.body;
  response.content_type = action.content_type;
  response.persistence = http::Persistence::keep;
  response.rules = &r.found().route->response_rules;
  r.exchange.respond(response);
  r.status = action.status;
}

void redirect(Request& r) {
  const auto& action = std::get<Redirect>(r.found().route->action);
  const std::string location = redirect_location(action, r.found().target);
  OwnResponse response = own_error(action.status);
  response.location = location;
  response.rules = &r.found().route->response_rules;
  r.exchange.respond(response);
  r.status = action.status;
}

// What the edge answers itself.
void answer_ourselves(Request& r) {
  switch (r.decision.kind) {
    case Decision::Kind::refused:
      return refuse(r);
    case Decision::Kind::health_page:
      return show_health(r);
    case Decision::Kind::respond:
      return respond(r);
    case Decision::Kind::redirect:
      return redirect(r);
    case Decision::Kind::pool:
      break;
  }
}

// What every attempt of a request at its pool has in common.
void prepare(Request& r) {
  r.idempotent = is_idempotent(r.exchange.head().method);
  r.body.emplace(r.exchange, r.exchange.work().kept_body, r.idempotent ? r.pool().retry.buffer : 0);
  const std::string_view fresh = r.context.request_ids.fresh();
  const std::string_view id = request_id_of(r.exchange.head().fields, r.found().client, fresh);
  std::ranges::copy(fresh, r.fresh_id.begin());
  r.request_id = id.data() == fresh.data() ? std::string_view(r.fresh_id.data(), r.fresh_id.size()) : id;
}

void answer_error(Request& r) {
  r.reason = r.error.detail;
  if (r.cut) return r.exchange.cut();
  r.status = status_of(r.error.kind);
  if (r.error.kind == ErrorKind::client_closed) return r.exchange.cut();
  OwnResponse response = own_error(r.status);
  response.rules = &r.found().route->response_rules;
  r.exchange.respond(response);
}

}  // namespace

Task<> serve_one(Exchange& exchange, WorkerContext& context) {
  Request request(exchange, context);
  Waiter& waiter = exchange.waiter();
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

OwnResponse own_error(std::uint16_t status) {
  OwnResponse response;
  response.status = status;
  response.body = http::reason_phrase(status);
  response.persistence = http::Persistence::keep;
  return response;
}

}  // namespace edge
