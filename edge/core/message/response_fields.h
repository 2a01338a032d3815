#pragma once
// Which fields a response's head has when it leaves the edge, whatever its client speaks: rewrite.h writes them as
// HTTP/1's lines, HTTP/2 encodes them. What belongs to a connection (Connection, Transfer-Encoding) is not among them.
// Pure functions, any thread.

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "edge/core/message/rewrite.h"
#include "shared/http/head_writer.h"

namespace edge {

// Neither hop-by-hop nor framing: what an upstream's field must be to reach a client.
[[nodiscard]] inline bool is_end_to_end(const http::Field& field, const http::ConnectionOptions& connection) {
  if (http::is_hop_by_hop(field.id) || field.id == http::FieldId::content_length || field.id == http::FieldId::trailer)
    return false;
  if (field.id == http::FieldId::other && http::underscore_twin(field.name) != http::FieldId::other) return false;
  return connection.named_count == 0 || http::is_protected(field.id) || !connection.names(field.name);
}

template <class Visit>
void visit_number(std::string_view name, http::FieldId id, std::uint64_t number, Visit& visit) {
  std::array<char, 20> digits;
  const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  visit(http::Field{name, {digits.data(), static_cast<std::size_t>(end - digits.data())}, id});
}

template <class Visit>
void visit_appended(const HeaderRules& rules, Visit& visit) {
  for (const HeaderRules::Appended& field : rules.appended()) visit(http::Field{field.name, field.value, field.id});
}

// The length, where the body has one or would have (to HEAD, or with 304); what trailers it ends with.
template <class Visit>
void visit_content(const ClientResponse& response, Visit& visit) {
  using http::FieldId;
  const http::FieldList& fields = response.head.fields;
  const std::uint16_t status = response.head.status;
  if (response.body.kind == http::BodyKind::length) {
    visit_number("Content-Length", FieldId::content_length, response.body.length, visit);
  } else if (response.body.kind == http::BodyKind::chunked) {
    if (const http::Field* trailer = fields.find(FieldId::trailer)) {
      visit(http::Field{"Trailer", trailer->value, FieldId::trailer});
    }
  } else if (response.body.kind == http::BodyKind::none && status >= 200 && status != 204) {
    if (const http::Field* length = fields.find(FieldId::content_length)) {
      visit(http::Field{"Content-Length", length->value, FieldId::content_length});
    }
  }
}

// Each calls visit(const http::Field&), whose views last as long as the call.
template <class Visit>
void for_each_field(const ClientResponse& response, Visit&& visit) {
  using http::FieldId;
  const http::FieldList& fields = response.head.fields;
  const http::ConnectionOptions connection = http::connection_options(fields);
  for (const http::Field& field : fields) {
    if (is_end_to_end(field, connection) && !response.rules.drops(field)) visit(field);
  }
  if (!fields.has(FieldId::date) && !response.date.empty()) visit(http::Field{"Date", response.date, FieldId::date});
  if (!response.via.empty() && !response.rules.drops({"Via", {}, FieldId::via})) {
    // Our entry, behind those that came (RFC 9110 7.6.3).
    std::array<char, 64> text;
    http::HeadWriter value(text);
    value.text(response.head.version == http::Version::http_1_0 ? "1.0 " : "1.1 ").text(response.via);
    if (const auto size = value.finish()) visit(http::Field{"Via", {text.data(), *size}, FieldId::via});
  }
  visit_appended(response.rules, visit);
  visit_content(response, visit);
}

// Of a 1xx head.
template <class Visit>
void for_each_field(const http::ResponseHead& interim, Visit&& visit) {
  const http::ConnectionOptions connection = http::connection_options(interim.fields);
  for (const http::Field& field : interim.fields) {
    if (is_end_to_end(field, connection)) visit(field);
  }
}

template <class Visit>
void for_each_field(const OwnResponse& response, Visit&& visit) {
  using http::FieldId;
  const OwnHead& head = response.head;
  const auto optional = [&](std::string_view name, std::string_view value, FieldId id = FieldId::other) {
    if (!value.empty()) visit(http::Field{name, value, id});
  };
  optional("Date", response.date, FieldId::date);
  if (!is_bodyless(head.status)) {
    const bool typed = head.length > 0 && !head.grpc_status;
    if (typed) optional("Content-Type", head.content_type, FieldId::content_type);
    visit_number("Content-Length", FieldId::content_length, head.length, visit);
  }
  if (head.grpc_status) {
    visit(http::Field{"Content-Type", "application/grpc", FieldId::content_type});
    visit_number("grpc-status", FieldId::other, *head.grpc_status, visit);
    optional("grpc-message", head.grpc_message);
  }
  optional("Location", head.location, FieldId::location);
  optional("Retry-After", head.retry_after, FieldId::retry_after);
  optional("Allow", head.allow);
  optional("RateLimit-Policy", head.rate_policy);
  optional("RateLimit", head.rate_limit);
  optional("WWW-Authenticate", head.challenge);
  if (response.rules != nullptr) visit_appended(*response.rules, visit);
}

}  // namespace edge
