// The client's half of rewrite.h.

#include "edge/core/message/rewrite.h"
#include "shared/http/head_writer.h"
#include "shared/http/status.h"

namespace edge {
namespace {

constexpr std::size_t kOwnNames = 256;  // octets for the names, separators and numbers of our own fields

void write_status_line(http::HeadWriter& out, std::uint16_t status, std::string_view reason) {
  out.text("HTTP/1.1 ")
      .number(status)
      .text(" ")
      .text(reason.empty() ? http::reason_phrase(status) : reason)
      .text("\r\n");
}

void write_persistence(http::HeadWriter& out, http::Persistence persistence, http::Version client) {
  if (persistence == http::Persistence::close) {
    out.text("Connection: close\r\n");
  } else if (client == http::Version::http_1_0) {
    out.text("Connection: keep-alive\r\n");
  }
}

// Neither hop-by-hop nor framing: what an upstream's field must be to reach a client.
bool is_end_to_end(const http::Field& field, const http::ConnectionOptions& connection) {
  if (http::is_hop_by_hop(field.id) || field.id == http::FieldId::content_length || field.id == http::FieldId::trailer)
    return false;
  if (field.id == http::FieldId::other && http::underscore_twin(field.name) != http::FieldId::other) return false;
  return connection.named_count == 0 || http::is_protected(field.id) || !connection.names(field.name);
}

void write_framing(http::HeadWriter& out, const ClientResponse& response) {
  const http::FieldList& fields = response.head.fields;
  const std::uint16_t status = response.head.status;
  if (response.body.kind == http::BodyKind::length) {
    out.text("Content-Length: ").number(response.body.length).text("\r\n");
  } else if (response.body.kind == http::BodyKind::chunked) {
    out.text("Transfer-Encoding: chunked\r\n");
    if (const http::Field* trailer = fields.find(http::FieldId::trailer)) out.field("Trailer", trailer->value);
  } else if (response.body.kind == http::BodyKind::none && status >= 200 && status != 204) {
    // To HEAD, or with 304: the length that the body would have had.
    if (const http::Field* length = fields.find(http::FieldId::content_length))
      out.field("Content-Length", length->value);
  }
}

// 426 has to say to what (RFC 9110 15.5.22).
void write_connection(http::HeadWriter& out, const ClientResponse& response) {
  const bool wanted = response.head.status == 426 && response.head.fields.has(http::FieldId::upgrade);
  if (!response.framing.switched) write_persistence(out, response.persistence, response.client_version);
  if (!response.framing.switched && !wanted) return;
  out.text("Connection: Upgrade\r\n");
  for (const http::Field& field : response.head.fields) {
    if (field.id == http::FieldId::upgrade) out.field("Upgrade", field.value);
  }
}

std::size_t appended_size(const HeaderRules& rules) {
  std::size_t size = 0;
  for (const HeaderRules::Appended& field : rules.appended()) size += field.name.size() + field.value.size() + 4;
  return size;
}

void write_appended(http::HeadWriter& out, const HeaderRules& rules) {
  for (const HeaderRules::Appended& field : rules.appended()) out.field(field.name, field.value);
}

void write_optional(http::HeadWriter& out, std::string_view name, std::string_view value) {
  if (!value.empty()) out.field(name, value);
}

}  // namespace

std::size_t client_response_bound(const ClientResponse& response) {
  return kOwnNames + response.head.reason.size() + http::lines_bound(response.head.fields) + response.date.size() +
         response.via.size() + appended_size(response.rules);
}

std::optional<std::size_t> write_client_response(std::span<char> out, const ClientResponse& response) {
  http::HeadWriter writer(out);
  const http::ConnectionOptions connection = http::connection_options(response.head.fields);
  write_status_line(writer, response.head.status, response.head.reason);
  for (const http::Field& field : response.head.fields) {
    if (is_end_to_end(field, connection) && !response.rules.drops(field)) writer.field(field.name, field.value);
  }
  if (!response.head.fields.has(http::FieldId::date)) write_optional(writer, "Date", response.date);
  if (!response.via.empty() && !response.rules.drops({"Via", {}, http::FieldId::via})) {
    writer.via(response.head.version, response.via);
  }
  write_appended(writer, response.rules);
  write_framing(writer, response);
  write_connection(writer, response);
  return writer.text("\r\n").finish();
}

std::optional<std::size_t> write_interim_response(std::span<char> out, const http::ResponseHead& head) {
  http::HeadWriter writer(out);
  const http::ConnectionOptions connection = http::connection_options(head.fields);
  write_status_line(writer, head.status, head.reason);
  for (const http::Field& field : head.fields) {
    if (is_end_to_end(field, connection)) writer.field(field.name, field.value);
  }
  return writer.text("\r\n").finish();
}

std::size_t own_response_bound(const OwnResponse& response) {
  const OwnHead& head = response.head;
  return kOwnNames + head.content_type.size() + head.location.size() + head.retry_after.size() + head.allow.size() +
         head.rate_limit.size() + head.rate_policy.size() + head.challenge.size() + head.grpc_message.size() +
         response.date.size() + (response.rules == nullptr ? 0 : appended_size(*response.rules));
}

std::optional<std::size_t> write_own_response(std::span<char> out, const OwnResponse& response) {
  http::HeadWriter writer(out);
  const OwnHead& head = response.head;
  write_status_line(writer, head.status, {});
  write_optional(writer, "Date", response.date);
  if (!is_bodyless(head.status)) {
    const bool typed = head.length > 0 && !head.grpc_status;
    if (typed) write_optional(writer, "Content-Type", head.content_type);
    writer.text("Content-Length: ").number(head.length).text("\r\n");
  }
  if (head.grpc_status) {
    writer.text("Content-Type: application/grpc\r\ngrpc-status: ").number(*head.grpc_status).text("\r\n");
    write_optional(writer, "grpc-message", head.grpc_message);
  }
  write_optional(writer, "Location", head.location);
  write_optional(writer, "Retry-After", head.retry_after);
  write_optional(writer, "Allow", head.allow);
  write_optional(writer, "RateLimit-Policy", head.rate_policy);
  write_optional(writer, "RateLimit", head.rate_limit);
  write_optional(writer, "WWW-Authenticate", head.challenge);
  if (response.rules != nullptr) write_appended(writer, *response.rules);
  write_persistence(writer, response.persistence, response.client_version);
  return writer.text("\r\n").finish();
}

}  // namespace edge
