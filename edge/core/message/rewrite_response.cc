// The client's half of rewrite.h.

#include "edge/core/message/response_fields.h"
#include "edge/core/message/rewrite.h"
#include "shared/http/head_writer.h"
#include "shared/http/status.h"

namespace edge {
namespace {

constexpr std::size_t kOwnNames = 256;  // octets for the names, separators and numbers of our own fields

void write_status_line(http::HeadWriter& out, std::uint16_t status, std::string_view reason) {
  if (status == 200 && reason == "OK") [[likely]] {
    out.text("HTTP/1.1 200 OK\r\n");
    return;
  }
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

}  // namespace

std::size_t client_response_bound(const ClientResponse& response) {
  return kOwnNames + response.head.reason.size() + http::lines_bound(response.head.fields) + response.date.size() +
         response.via.size() + appended_size(response.rules);
}

std::optional<std::size_t> write_client_response(std::span<char> out, const ClientResponse& response) {
  http::HeadWriter writer(out);
  write_status_line(writer, response.head.status, response.head.reason);
  for_each_field(response, [&](const http::Field& field) { writer.field(field.name, field.value); });
  if (response.body.kind == http::BodyKind::chunked) writer.text("Transfer-Encoding: chunked\r\n");
  write_connection(writer, response);
  return writer.text("\r\n").finish();
}

std::optional<std::size_t> write_interim_response(std::span<char> out, const http::ResponseHead& head) {
  http::HeadWriter writer(out);
  write_status_line(writer, head.status, head.reason);
  for_each_field(head, [&](const http::Field& field) { writer.field(field.name, field.value); });
  return writer.text("\r\n").finish();
}

std::size_t interim_response_bound(const http::ResponseHead& head) {
  return kOwnNames + head.reason.size() + http::lines_bound(head.fields);
}

std::size_t own_response_bound(const OwnResponse& response) {
  const OwnHead& head = response.head;
  return kOwnNames + head.content_type.size() + head.location.size() + head.retry_after.size() + head.allow.size() +
         head.rate_limit.size() + head.rate_policy.size() + head.challenge.size() + head.grpc_message.size() +
         response.date.size() + (response.rules == nullptr ? 0 : appended_size(*response.rules));
}

std::optional<std::size_t> write_own_response(std::span<char> out, const OwnResponse& response) {
  http::HeadWriter writer(out);
  write_status_line(writer, response.head.status, {});
  for_each_field(response, [&](const http::Field& field) { writer.field(field.name, field.value); });
  write_persistence(writer, response.persistence, response.client_version);
  return writer.text("\r\n").finish();
}

}  // namespace edge
