#include "edge/serve/request/spans.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "edge/core/message/grpc.h"
#include "edge/core/message/otlp.h"
#include "edge/core/message/trace_context.h"
#include "edge/serve/account/span_lane.h"
#include "edge/serve/request/request.h"

namespace edge {
namespace {

constexpr std::size_t kSpanDigits = 16;

// From the time that is measured with to the time that is told. How far they are apart is measured to some hundred
// nanoseconds: the same is taken until it is a millisecond wrong, so that no span ends before those below it.
class WallClock {
 public:
  WallClock() {
    const std::chrono::nanoseconds wall = std::chrono::system_clock::now().time_since_epoch();
    const auto apart = wall - shared::Clock::now().time_since_epoch();
    if (apart > apart_ + kMost || apart < apart_ - kMost) apart_ = apart;
  }
  [[nodiscard]] std::int64_t nanoseconds(shared::TimePoint then) const {
    return (then.time_since_epoch() + apart_).count();
  }

 private:
  static constexpr std::chrono::nanoseconds kMost = std::chrono::milliseconds(1);
  static thread_local std::chrono::nanoseconds apart_;
};

thread_local std::chrono::nanoseconds WallClock::apart_{};

// A trusted client's, with which the request's trace goes on; none: the trace has begun here.
std::optional<TraceParent> given_parent(const Request& r) {
  if (!r.found().client.trusted) return std::nullopt;
  return parse_traceparent(given_traceparent(r.asked.head->fields));
}

// "1.1", "2": of "HTTP/1.1", "HTTP/2.0".
std::string_view version_of(std::string_view protocol) {
  const std::string_view version = protocol.substr(protocol.find('/') + 1);
  return version.ends_with(".0") && version != "1.0" ? version.substr(0, version.size() - 2) : version;
}

// Those that the conventions know; a client must not be able to make names without end.
std::string_view method_of(const Request& r) {
  const http::Method method = r.asked.head->method;
  return method == http::Method::other ? std::string_view("_OTHER") : r.asked.head->method_text;
}

void write_method(const Request& r, SpanWriter& span) {
  span.text("http.request.method", method_of(r));
  if (r.asked.head->method == http::Method::other) {
    span.text("http.request.method_original", r.asked.head->method_text);
  }
}

// "shop.Cart/Add", of a call of gRPC.
std::string_view call_of(const Request& r) {
  const std::string_view path = r.found().target.path;
  return path.starts_with('/') ? path.substr(1) : path;
}

// What is no fault of the callee is none of its server's span (RPC conventions, "gRPC": server span status).
bool is_fault(std::uint8_t grpc_status, SpanKind kind) {
  if (kind == SpanKind::client) return grpc_status != 0;
  constexpr std::array<std::uint8_t, 6> kFaults{2, 4, 12, 13, 14, 15};
  return std::ranges::find(kFaults, grpc_status) != kFaults.end();
}

// True: the span is one of an error.
bool write_call(const Request& r, std::optional<std::uint8_t> status, SpanKind kind, SpanWriter& span) {
  if (!r.grpc) return false;
  span.text("rpc.system.name", "grpc");
  span.text("rpc.method", call_of(r));
  if (!status) return false;
  span.text("rpc.response.status_code", grpc_status_name(*status));
  return is_fault(*status, kind);
}

void write_error(SpanWriter& span, std::string_view type, std::string_view why = {}) {
  span.text("error.type", type);
  span.fail(why);
}

std::string span_name(const Request& r, std::string_view route) {
  if (r.grpc) return std::string(call_of(r));
  const std::string_view method = method_of(r) == "_OTHER" ? std::string_view("HTTP") : method_of(r);
  return route.empty() ? std::string(method) : std::string(method).append(" ").append(route);
}

std::string_view route_of(const Request& r) {
  if (r.found().route == nullptr) return {};
  const std::string_view path = r.found().route->path;
  return path.starts_with('=') ? path.substr(1) : path;
}

std::string_view path_of(const Request& r) {
  return r.found().asked_path.empty() ? r.found().target.kept : r.found().asked_path;
}

// Who asks whom for what, as it came.
void write_asked(const Request& r, SpanWriter& span) {
  const RequestTarget& target = r.found().target;
  write_method(r, span);
  span.text("url.scheme", r.asked.scheme);
  span.text("url.path", path_of(r));
  if (r.snapshot->settings->spans.query && !r.found().asked_query.empty()) {
    span.text("url.query", r.found().asked_query.substr(1));
  }
  span.text("http.route", route_of(r));
  span.text("server.address", target.host);
  if (const auto authority = parse_authority(target.authority); authority && authority->port != 0) {
    span.number("server.port", authority->port);
  }
  span.text("client.address", r.found().client.address.to_string());
  span.text("network.peer.address", r.asked.peer.to_string());
  span.text("network.protocol.name", "http");
  span.text("network.protocol.version", version_of(r.asked.protocol));
  if (const http::Field* agent = r.asked.head->fields.find(http::FieldId::user_agent)) {
    span.text("user_agent.original", agent->value);
  }
}

// What was decided, and how it ended.
void write_decided(const Request& r, SpanWriter& span) {
  if (r.found().route != nullptr) span.text("meridian.route", r.found().route->name);
  if (r.snapshot->tiers->enabled()) span.text("meridian.tier", r.snapshot->tiers->name(r.found().tier));
  if (r.decision.at_pool.pool != nullptr) span.text("meridian.pool", r.pool().name);
  span.text("meridian.cache", name_of(r.cache_verdict));
  span.text("meridian.request_id", r.request_id);
  if (r.attempts > 0) span.number("meridian.attempts", static_cast<std::int64_t>(r.attempts));
  const bool left = r.failed && r.error.side == Side::client && r.error.kind == ErrorKind::client_closed;
  if (r.status != 0 && r.status != 499) span.number("http.response.status_code", r.status);
  const bool fault = write_call(r, r.grpc_status, SpanKind::server, span);
  if (left) {
    span.text("error.type", name_of(r.error.kind));  // a client that leaves is no error of the server
  } else if (r.status >= 500 || r.cut) {
    write_error(span, r.failed ? name_of(r.error.kind) : std::to_string(r.status), r.reason);
  } else if (fault) {
    write_error(span, grpc_status_name(*r.grpc_status));
  }
}

std::string_view name_of(AttemptSpan::Why why, const Request& r) {
  if (r.asked.mirrored != nullptr) return "mirror";
  const bool fetches = r.asked.fetch != nullptr || (r.cached != nullptr && r.cached->own() != nullptr);
  if (fetches && why == AttemptSpan::Why::first) return "cache";
  switch (why) {
    case AttemptSpan::Why::retry:
      return "retry";
    case AttemptSpan::Why::hedge:
      return "hedge";
    case AttemptSpan::Why::first:
      break;
  }
  return "first";
}

std::string url_of(const Request& r, const Server& server) {
  const bool v6 = server.host.find(':') != std::string::npos;
  std::string url(r.pool().tls.enabled() ? "https://" : "http://");
  url.append(v6 ? "[" : "").append(server.host).append(v6 ? "]" : "").append(":").append(std::to_string(server.port));
  url.append(r.found().target.kept);
  if (r.snapshot->settings->spans.query) url.append(r.found().target.query);
  return url;
}

}  // namespace

void begin_trace(Request& r) {
  const Settings& settings = *r.snapshot->settings;
  if (!settings.trace_share || !r.traceparent.empty()) return;
  if (!r.asked.traceparent.empty()) {
    r.traceparent = TraceParentText(r.asked.traceparent);
  } else {
    const std::string_view given =
        r.found().client.trusted ? given_traceparent(r.asked.head->fields) : std::string_view();
    // The trace of a request that nobody has named has its name: one id less to make, and who has one has the other.
    const std::string_view id = r.own_id();
    const auto span = span_of(id);
    r.traceparent = make_traceparent(given, id, std::string_view(span.data(), span.size()), *settings.trace_share);
  }
  if (!settings.spans.told || r.context.spans == nullptr) return;
  const auto own = parse_traceparent(r.traceparent);
  r.recorded = own && own->recorded;
}

void tell_span(Request& r) {
  begin_trace(r);
  if (!r.recorded) return;
  const auto own = parse_traceparent(r.traceparent);
  const auto parent = given_parent(r);
  const http::Field* state = parent ? r.asked.head->fields.find(http::FieldId::tracestate) : nullptr;
  const WallClock wall;
  const std::string name = span_name(r, route_of(r));
  SpanWriter span = r.context.spans->begin({.trace = own->trace,
                                            .span = own->span,
                                            .parent = parent ? parent->span : std::string_view(),
                                            .parent_is_remote = parent.has_value(),
                                            .state = state != nullptr ? state->value : std::string_view(),
                                            .kind = SpanKind::server,
                                            .name = name,
                                            .began_ns = wall.nanoseconds(r.asked.began),
                                            .ended_ns = wall.nanoseconds(r.now())});
  write_asked(r, span);
  write_decided(r, span);
  r.context.spans->end();
}

AttemptSpan::AttemptSpan(Request& request, Why why)
    : request_(request),
      why_(why),
      number_(request.attempts),
      traceparent_(with_span(request.traceparent, request.context.request_ids.fresh().substr(0, kSpanDigits))) {}

void AttemptSpan::tell(const End& end) const {
  const Request& r = request_;
  const auto own = parse_traceparent(traceparent_);
  const auto parent = parse_traceparent(r.traceparent);
  const WallClock wall;
  const std::string name = span_name(r, {});
  SpanWriter span = r.context.spans->begin({.trace = own->trace,
                                            .span = own->span,
                                            .parent = parent->span,
                                            .kind = SpanKind::client,
                                            .name = name,
                                            .began_ns = wall.nanoseconds(end.began),
                                            .ended_ns = wall.nanoseconds(r.now())});
  write_method(r, span);
  span.text("url.full", url_of(r, end.server));
  span.text("server.address", end.server.host);
  span.number("server.port", end.server.port);
  if (end.where != nullptr) {
    span.text("network.peer.address", end.where->address.to_string());
    span.number("network.peer.port", end.where->port);
  }
  span.text("network.protocol.name", "http");
  span.text("network.protocol.version", r.pool().protocol == ServerProtocol::h2 ? "2" : "1.1");
  if (number_ > 1) span.number("http.request.resend_count", static_cast<std::int64_t>(number_ - 1));
  span.text("meridian.pool", r.pool().name);
  span.text("meridian.server", end.server.name);
  span.number("meridian.server.id", static_cast<std::int64_t>(end.server.id));
  span.text("meridian.attempt", name_of(why_, r));
  if (end.reused) span.text("meridian.connection", "kept");
  span.text("meridian.outcome", end.cancelled ? "cancelled" : end.error != nullptr ? "failed" : "answered");
  if (end.status != 0) span.number("http.response.status_code", end.status);
  const bool fault = write_call(r, end.grpc_status, SpanKind::client, span);
  if (end.error != nullptr) {
    write_error(span, name_of(end.error->kind), end.error->detail);
  } else if (end.status >= 400) {
    write_error(span, std::to_string(end.status));
  } else if (fault) {
    write_error(span, grpc_status_name(*end.grpc_status));
  }
  r.context.spans->end();
}

}  // namespace edge
