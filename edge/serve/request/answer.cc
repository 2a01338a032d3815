#include "edge/serve/request/answer.h"

#include <string>
#include <utility>
#include <variant>

#include "edge/core/message/grpc.h"
#include "edge/serve/request/health_page.h"
#include "shared/http/status.h"

namespace edge {
namespace {

// Seconds after which who finds no place is to ask again: not all at once.
constexpr std::uint64_t kComeAgain = 1;
constexpr std::uint64_t kComeAgainSpread = 5;
std::uint64_t comes_again(const Request& r) { return kComeAgain + r.context.balance.draw() % kComeAgainSpread; }

// A client of gRPC looks for the status of its call and not for one of HTTP. What a route answers well is left as it
// is.
OwnHead end_of_call(Request& r, const OwnHead& page) {
  const bool late = r.failed && r.error.kind == ErrorKind::deadline;
  const GrpcStatus status = late ? GrpcStatus::deadline_exceeded : grpc_status_for(page.status);
  r.grpc_status = static_cast<std::uint8_t>(status);
  return grpc_end(page, status, r.failed ? r.error.detail : http::reason_phrase(page.status));
}

// `text` stays until the request is over.
void open_page(Request& r, OwnHead head, std::string_view text) {
  if (!r.asked.accept.empty() && head.status / 100 == 2) {  // it would be a tunnel
    head = {.status = 501, .rules = head.rules};
    text = http::reason_phrase(head.status);
  }
  head.length = text.size();
  if (r.grpc && (head.status < 200 || head.status > 299)) {
    head = end_of_call(r, head);
    text = {};
  }
  if (!r.rate_limit.empty()) {
    head.rate_limit = r.rate_limit;
    head.rate_policy = r.rate_policy;
  }
  const bool left_out = r.asked.head->method == http::Method::head || is_bodyless(head.status);
  r.exchange.sink.start(head);
  r.page.emplace(left_out ? std::string_view() : text);
  r.status = head.status;
}

const ErrorPages& pages_for(const Request& r) {
  const Route* route = r.found().route;
  return route != nullptr && route->error_pages != nullptr ? *route->error_pages : r.snapshot->settings->error_pages;
}

// The page of a status: the configuration's, or its own words.
void open_status_page(Request& r, OwnHead head) {
  const ErrorPage* page = head.status >= 400 ? pages_for(r).find(head.status) : nullptr;
  if (page == nullptr) return open_page(r, head, http::reason_phrase(head.status));
  head.content_type = page->content_type;
  open_page(r, head, *page->body);
}

// Where a route stands behind an answer, its rules hold.
const HeaderRules* rules_of(const Request& r) { return r.found().response_rules; }

void refuse(Request& r) {
  const http::Refusal& refusal = r.decision.refusal;
  const ErrorKind kind = r.decision.closed_for ? ErrorKind::maintenance : kind_of(refusal);
  r.fail({.kind = kind, .side = Side::client, .detail = refusal.reason});
  OwnHead head{.status = refusal.status, .rules = rules_of(r)};
  head.distrust = refusal.status == 400;
  const bool of_files = r.found().route != nullptr && std::holds_alternative<StaticFiles>(r.found().route->action);
  if (refusal.status == 405) head.allow = of_files ? "GET, HEAD" : "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";
  head.challenge = r.decision.challenge;
  std::string again;
  if (r.decision.limit.refused) {
    again = retry_after(r.decision.limit);
    head.retry_after = again;
  }
  if (r.decision.closed_for) {
    again = std::to_string(r.decision.closed_for->count());
    head.retry_after = again;
  }
  open_status_page(r, head);
  r.reason = refusal.reason;
}

void show_health(Request& r) {
  HealthPage page = health_page(*r.snapshot, r.context.live);
  r.page_text = std::move(page.body);
  open_page(r, {.status = page.status, .content_type = "application/json"}, r.page_text);
}

void respond(Request& r) {
  const Route& route = *r.found().route;
  const auto& action = std::get<Respond>(route.action);
  open_page(r, {.status = action.status, .content_type = action.content_type, .rules = rules_of(r)}, action.body);
}

void redirect(Request& r) {
  const Route& route = *r.found().route;
  const auto& action = std::get<Redirect>(route.action);
  RequestTarget target = r.found().target;
  if (r.found().rewritten) target.path = target.kept;  // made without empty segments at its front
  const std::string location = redirect_location(action, target);
  open_status_page(r, {.status = action.status, .location = location, .rules = rules_of(r)});
}

// 308 keeps the method (RFC 9110 15.4.9). No rules: Strict-Transport-Security, which most edges that redirect have
// among theirs, is not to be said without TLS (RFC 6797 7.2).
void send_to_https(Request& r) {
  static const HeaderRules kNone;
  const std::string port = r.asked.https_port != 443 ? ":" + std::to_string(r.asked.https_port) : std::string();
  const std::string location =
      redirect_location({.status = 308, .to = "https://{host}" + port + "{uri}"}, r.found().target);
  open_status_page(r, {.status = 308, .location = location, .rules = &kNone});
}

// A call whose answer has begun may still be told how it ended, where trailers are certain to be read.
bool ends_with_trailers(const Request& r) {
  const bool ours = r.error.side == Side::upstream || r.error.kind == ErrorKind::deadline;
  return r.grpc && ours && r.open_ended && r.asked.protocol == "HTTP/2.0";
}

void end_call(Request& r) {
  const GrpcStatus status =
      r.error.kind == ErrorKind::deadline ? GrpcStatus::deadline_exceeded : GrpcStatus::unavailable;
  r.grpc_status = static_cast<std::uint8_t>(status);
  r.exchange.sink.end(grpc_trailers(status, r.error.detail));
}

}  // namespace

void answer_status(Request& r, std::uint16_t status, std::string_view reason) {
  open_status_page(r, {.status = status, .rules = rules_of(r)});
  r.reason = reason;
}

void answer_text(Request& r, std::string_view content_type, std::string text) {
  r.page_text = std::move(text);
  open_page(r, {.status = 200, .content_type = content_type, .rules = rules_of(r)}, r.page_text);
}

void answer_redirect(Request& r, std::uint16_t status, std::string_view location) {
  open_status_page(r, {.status = status, .location = location, .rules = rules_of(r)});
}

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
    case Decision::Kind::files:
      r.file = std::make_unique<FileAnswer>(r, std::get<StaticFiles>(r.found().route->action));
      return;
    case Decision::Kind::to_https:
      return send_to_https(r);
    case Decision::Kind::preflight:
      return open_page(r, {.status = 204, .rules = rules_of(r)}, {});
    case Decision::Kind::password:  // too many of them, or it took too long
      return open_status_page(r, {.status = 503, .retry_after = "1", .rules = rules_of(r)});
    case Decision::Kind::pool:
      break;
  }
}

void answer_error(Request& r) {
  r.reason = r.error.detail;
  if (r.cut && ends_with_trailers(r)) return end_call(r);
  if (r.cut) return r.exchange.sink.cut();
  r.status = status_of(r.error.kind);
  if (r.error.kind == ErrorKind::client_closed) return r.exchange.sink.cut();
  std::string again;
  if (r.error.kind == ErrorKind::overloaded) again = std::to_string(comes_again(r));
  open_status_page(r, {.status = r.status, .retry_after = again, .rules = rules_of(r)});
}

}  // namespace edge
