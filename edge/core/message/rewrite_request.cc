// The upstream half of rewrite.h.

#include <algorithm>

#include "edge/core/message/rewrite.h"
#include "edge/core/message/trace_context.h"
#include "shared/http/head_writer.h"

namespace edge {
namespace {

constexpr std::size_t kMaxRequestId = 128;

// Fields that the edge writes itself, if at all.
bool is_ours(http::FieldId id) {
  switch (id) {
    case http::FieldId::content_length:
    case http::FieldId::expect:
    case http::FieldId::host:
    case http::FieldId::trailer:
    case http::FieldId::x_forwarded_for:
    case http::FieldId::x_real_ip:
    case http::FieldId::x_request_id:
      return true;
    default:
      return http::is_hop_by_hop(id);
  }
}

// Fields that tell upstreams where a request came from: only a trusted proxy's are believed.
bool needs_trust(http::FieldId id) {
  switch (id) {
    case http::FieldId::forwarded:
    case http::FieldId::traceparent:
    case http::FieldId::tracestate:
    case http::FieldId::x_forwarded_host:
    case http::FieldId::x_forwarded_port:
    case http::FieldId::x_forwarded_proto:
      return true;
    default:
      return false;
  }
}

// One request's way through the rules; holds what several steps look at.
class RequestWriter {
 public:
  RequestWriter(std::span<char> out, const UpstreamRequest& request)
      : request_(request),
        connection_(http::connection_options(request.head.fields)),
        ruled_(!request.rules.empty()),
        out_(out) {}

  std::optional<std::size_t> write() {
    write_request_line();
    write_host();
    for (const http::Field& field : request_.head.fields) {
      if (passes(field)) out_.field(field.name, field.value);
    }
    write_framing();
    write_origin();
    if (!request_.via.empty() && !drops({"Via", {}, http::FieldId::via})) {
      write_via();
    }
    if (request_.tiers.enabled()) named(request_.tiers.header(), request_.tiers.name(request_.tier));
    if (!request_.client_subject.empty()) named(request_.client_subject_field, request_.client_subject);
    for (const HeaderRules::Appended& field : request_.identity) out_.field(field.name, field.value);
    if (!request_.traceparent.empty()) own(http::FieldId::traceparent, "traceparent: ", request_.traceparent);
    own(http::FieldId::x_request_id, "X-Request-Id: ", request_.request_id);
    for (const HeaderRules::Appended& field : request_.rules.appended()) {
      if (field.id != http::FieldId::host) out_.field(field.name, field.value);
    }
    write_connection();
    return out_.text("\r\n").finish();
  }

 private:
  void write_via() {
    if (request_.version.empty()) {
      out_.via(request_.head.version, request_.via);
    } else {
      out_.via(request_.version, request_.via);
    }
  }

  void write_request_line() {
    out_.text(request_.head.method_text).text(" ").text(request_.target.kept).text(request_.target.query);
    out_.text(" HTTP/1.1\r\n");
  }

  void write_host() {
    const HeaderRules::Appended* ruled = request_.rules.find_appended(http::FieldId::host);
    out_.line("Host: ", ruled == nullptr ? request_.target.authority : std::string_view(ruled->value));
  }

  [[nodiscard]] bool is_tier_header(const http::Field& field) const {
    return field.id == http::FieldId::other && http::equals_as_twin(field.name, request_.tiers.header());
  }

  [[nodiscard]] bool is_client_subject(const http::Field& field) const {
    const std::string_view name = request_.client_subject_field;
    return field.name.size() == name.size() && field.id == http::FieldId::other &&
           http::equals_as_twin(field.name, name);
  }

  // The client's trace; if not, one begins here, and what others have noted of theirs does not belong to it.
  [[nodiscard]] bool goes_on() const { return is_traceparent(given_traceparent(request_.head.fields)); }

  [[nodiscard]] bool passes(const http::Field& field) const {
    if (is_ours(field.id) || is_tier_header(field) || is_client_subject(field)) return false;
    if (needs_trust(field.id) && !request_.client.trusted) return false;
    if (!request_.traceparent.empty()) {
      if (field.id == http::FieldId::traceparent) return false;
      if (field.id == http::FieldId::tracestate && !goes_on()) return false;  // Trace Context, processing model
    }
    if (connection_.named_count > 0 && !http::is_protected(field.id) && connection_.names(field.name)) return false;
    if (field.id == http::FieldId::other && http::underscore_twin(field.name) != http::FieldId::other) return false;
    return !drops(field);
  }

  [[nodiscard]] bool drops(const http::Field& field) const { return ruled_ && request_.rules.drops(field); }

  // A field of our own, unless a rule has taken the name over; `before` is all that stands before the value.
  template <std::size_t kSize>
  void own(http::FieldId id, const char (&before)[kSize], std::string_view value) {
    const std::string_view name(before, kSize - 3);  // without ": " and the end of the literal
    if (!drops({name, value, id})) out_.line(before, value);
  }
  // Likewise, by a name that the configuration has given.
  void named(std::string_view name, std::string_view value) {
    if (!drops({name, value, http::FieldId::other})) out_.field(name, value);
  }

  void write_framing() {
    const http::Body& body = request_.framing.body;
    if (body.kind == http::BodyKind::length) out_.text("Content-Length: ").number(body.length).text("\r\n");
    if (body.kind == http::BodyKind::chunked) out_.text("Transfer-Encoding: chunked\r\n");
  }

  void write_origin() {
    const http::FieldList& fields = request_.head.fields;
    const bool trusted = request_.client.trusted;
    if (!drops({"X-Forwarded-For", {}, http::FieldId::x_forwarded_for})) write_forwarded_for();
    if (!drops({"X-Real-IP", {}, http::FieldId::x_real_ip})) {
      out_.text("X-Real-IP: ").address(request_.client.address).text("\r\n");
    }
    if (!trusted || !fields.has(http::FieldId::x_forwarded_proto)) {
      own(http::FieldId::x_forwarded_proto, "X-Forwarded-Proto: ", request_.scheme);
    }
    if (!trusted || !fields.has(http::FieldId::x_forwarded_host)) {
      own(http::FieldId::x_forwarded_host, "X-Forwarded-Host: ", request_.target.authority);
    }
  }

  void write_forwarded_for() {
    out_.text("X-Forwarded-For: ");
    if (request_.client.trusted) {
      for (const http::Field& field : request_.head.fields) {
        if (field.id == http::FieldId::x_forwarded_for && !field.value.empty()) out_.text(field.value).text(", ");
      }
    }
    out_.address(request_.client.peer).text("\r\n");
  }

  void write_connection() {
    const bool upgrade = request_.framing.upgrade;
    const bool trailers = request_.framing.te_trailers;
    if (trailers) out_.field("TE", "trailers");
    if (upgrade) {
      for (const http::Field& field : request_.head.fields) {
        if (field.id == http::FieldId::upgrade) out_.field("Upgrade", field.value);
      }
    }
    if (upgrade || trailers) out_.field("Connection", upgrade ? (trailers ? "Upgrade, TE" : "Upgrade") : "TE");
  }

  const UpstreamRequest& request_;
  const http::ConnectionOptions connection_;
  const bool ruled_;
  http::HeadWriter out_;
};

}  // namespace

std::size_t upstream_request_bound(const UpstreamRequest& request) {
  constexpr std::size_t kOwnNames = 512;  // names, separators, numbers and addresses of our own fields
  std::size_t bound = kOwnNames + http::lines_bound(request.head.fields) + 3 * request.target.authority.size();
  bound += request.head.method_text.size() + request.target.kept.size() + request.target.query.size();
  bound += request.scheme.size() + request.request_id.size() + request.via.size();
  bound += request.client_subject_field.size() + request.client_subject.size() + 4;
  bound += request.traceparent.size();
  for (const HeaderRules::Appended& field : request.identity) bound += field.name.size() + field.value.size() + 4;
  bound += request.tiers.header().size() + request.tiers.name(request.tier).size();
  for (const HeaderRules::Appended& field : request.rules.appended())
    bound += field.name.size() + field.value.size() + 4;
  return bound;
}

std::optional<std::size_t> write_upstream_request(std::span<char> out, const UpstreamRequest& request) {
  return RequestWriter(out, request).write();
}

std::string_view request_id_of(const http::FieldList& fields, const Client& client, std::string_view fresh) {
  const http::Field* field = client.trusted ? fields.find(http::FieldId::x_request_id) : nullptr;
  if (field == nullptr || field->value.size() > kMaxRequestId || !http::is_token(field->value)) return fresh;
  return field->value;
}

}  // namespace edge
