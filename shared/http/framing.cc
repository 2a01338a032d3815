#include "shared/http/framing.h"

#include <array>
#include <charconv>
#include <span>

namespace http {
namespace {

bool is_one_of(std::string_view text, std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    if (equals_ignoring_case(text, name)) return true;
  }
  return false;
}

// A list of codings that the registry knows, with chunked nowhere or at its end: understood, and not implemented.
bool is_known_coding_list(std::string_view value) {
  constexpr std::array<std::string_view, 5> kKnown{"gzip", "x-gzip", "deflate", "compress", "x-compress"};
  bool known = true;
  bool chunked = false;
  unsigned others = 0;
  for_each_element(value, [&](std::string_view coding) {
    known = known && !chunked;  // nothing may follow chunked
    if (equals_ignoring_case(coding, "chunked")) {
      chunked = true;
    } else {
      known = known && is_one_of(coding, kKnown);
      ++others;
    }
  });
  return known && others > 0;
}

// RFC 9112 6.3, with every case that two readers could see differently refused.
Checked<Body> frame_body(const FieldList& fields, Version version) {
  const Field* coding = fields.find(FieldId::transfer_encoding);
  const Field* length = fields.find(FieldId::content_length);
  if (coding != nullptr) {
    if (length != nullptr) return refuse(400, "Content-Length with Transfer-Encoding");
    if (version == Version::http_1_0) return refuse(400, "Transfer-Encoding in HTTP/1.0");
    if (fields.count(FieldId::transfer_encoding) > 1) return refuse(400, "more than one Transfer-Encoding");
    if (equals_ignoring_case(coding->value, "chunked")) return Body{BodyKind::chunked, 0};
    if (is_known_coding_list(coding->value)) return refuse(501, "transfer coding not implemented");
    return refuse(400, "malformed Transfer-Encoding");
  }
  if (length == nullptr) return Body{BodyKind::none, 0};
  if (fields.count(FieldId::content_length) > 1) return refuse(400, "more than one Content-Length");
  const std::optional<std::uint64_t> octets = parse_content_length(length->value);
  if (!octets) return refuse(400, "malformed Content-Length");
  return Body{BodyKind::length, *octets};
}

Persistence persistence_of(const ConnectionOptions& options, Version version) {
  if (options.close) return Persistence::close;
  if (version == Version::http_1_0 && !options.keep_alive) return Persistence::close;
  return Persistence::keep;
}

// h2c and TLS upgrades are ours to take, never to pass on: behind such a tunnel an upstream would serve requests that
// no route and no allow list has seen.
bool asks_for_upgrade(const RequestHead& head, const ConnectionOptions& options, const Body& body) {
  if (!options.upgrade || head.version == Version::http_1_0 || !head.fields.has(FieldId::upgrade)) return false;
  if (body.kind == BodyKind::chunked || body.length > 0) return false;
  bool passable = true;
  for (const Field& field : head.fields) {
    if (field.id != FieldId::upgrade) continue;
    for_each_element(field.value, [&](std::string_view protocol) {
      const auto begins = [&](std::string_view text) {
        return equals_ignoring_case(protocol.substr(0, text.size()), text);
      };
      passable = passable && !begins("h2c") && !begins("http") && !begins("tls");
    });
  }
  return passable;
}

Checked<Expectation> read_expectation(const RequestHead& head, const Body& body) {
  if (!head.fields.has(FieldId::expect)) return Expectation::none;
  for (const Field& field : head.fields) {
    if (field.id == FieldId::expect && !equals_ignoring_case(field.value, "100-continue")) {
      return refuse(417, "unknown expectation");
    }
  }
  const bool has_body = body.kind == BodyKind::chunked || body.length > 0;
  return head.version == Version::http_1_1 && has_body ? Expectation::continue_100 : Expectation::none;
}

bool takes_trailers(const FieldList& fields) {
  if (!fields.has(FieldId::te)) return false;
  bool takes = false;
  for (const Field& field : fields) {
    if (field.id != FieldId::te) continue;
    for_each_element(field.value, [&](std::string_view coding) { takes |= equals_ignoring_case(coding, "trailers"); });
  }
  return takes;
}

bool has_no_body(std::uint16_t status, Method method) {
  return method == Method::head || status < 200 || status == 204 || status == 304;
}

}  // namespace

std::optional<std::uint64_t> parse_content_length(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;  // from_chars would take a minus sign's error for another one
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Checked<RequestFraming> frame_request(const RequestHead& head, std::uint64_t max_body) {
  const Checked<Body> body = frame_body(head.fields, head.version);
  if (!body) return tl::unexpected(body.error());
  if (body->length > max_body) return refuse(413, "body too large");
  const ConnectionOptions options = connection_options(head.fields);
  if (options.malformed) return refuse(400, "malformed Connection");
  const Checked<Expectation> expectation = read_expectation(head, *body);
  if (!expectation) return tl::unexpected(expectation.error());
  RequestFraming framing;
  framing.body = *body;
  framing.persistence = persistence_of(options, head.version);
  framing.expectation = *expectation;
  framing.upgrade = asks_for_upgrade(head, options, *body);
  framing.te_trailers = takes_trailers(head.fields);
  return framing;
}

Checked<ResponseFraming> frame_response(const ResponseHead& head, AskedFor asked) {
  Checked<Body> body = frame_body(head.fields, head.version);
  if (!body) return refuse(502, body.error().reason);
  if (head.status == 101 && !asked.upgrade) return refuse(502, "101 without a request for an upgrade");
  const ConnectionOptions options = connection_options(head.fields);
  ResponseFraming framing;
  framing.switched = head.status == 101;
  framing.interim = head.status < 200 && !framing.switched;
  framing.persistence = options.malformed ? Persistence::close : persistence_of(options, head.version);
  if (has_no_body(head.status, asked.method)) return framing;
  if (body->kind == BodyKind::none) {
    body->kind = BodyKind::until_close;
    framing.persistence = Persistence::close;
  }
  framing.body = *body;
  return framing;
}

Body client_body(const Body& upstream, Version client) {
  if (upstream.kind == BodyKind::none || upstream.kind == BodyKind::length) return upstream;
  return {client == Version::http_1_1 ? BodyKind::chunked : BodyKind::until_close, 0};
}

}  // namespace http
