#include "edge/core/message/h2_answer.h"

#include <algorithm>

#include "edge/core/message/h2_field.h"
#include "edge/core/message/h2_response.h"

namespace edge {
namespace {

constexpr std::string_view kAccept = "Sec-WebSocket-Accept";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A tunnel has no length (RFC 9110 9.3.6), and its key is none of the server's.
bool fits_tunnel(const http::Field& field) {
  return field.id != http::FieldId::content_length && !http::equals_ignoring_case(field.name, kAccept);
}

}  // namespace

H2Answer::Taken H2Answer::add(std::string_view name, std::string_view value, const http::HeadLimits& limits) {
  list_size_ += name.size() + value.size() + kOverhead;
  if (name == ":status") {
    const bool good = status_ == 0 && fields_ == 0 && value.size() == 3 && std::ranges::all_of(value, is_digit);
    if (!good) return Taken::malformed;
    for (const char c : value) status_ = static_cast<std::uint16_t>(status_ * 10 + (c - '0'));
    return status_ < 100 ? Taken::malformed : Taken::yes;
  }
  if (list_size_ > limits.max_head || ++fields_ > limits.max_fields) return Taken::too_much;
  if (status_ == 0 || !is_h2_name(name) || !is_h2_value(value) || is_h1_only(name)) return Taken::malformed;
  lines_.append(name).append(": ").append(value).append("\r\n");
  return Taken::yes;
}

bool H2Answer::finish(http::ResponseHead& head) const {
  head.status = switched() ? std::uint16_t{101} : status_;
  head.version = http::Version::http_1_1;
  head.reason = {};
  head.size = list_size_;
  head.fields.clear();
  std::string_view rest = lines_;
  while (!rest.empty()) {
    const http::FieldLine line = http::parse_field_line(rest, http::Sender::server);
    if (line.state != http::ParseState::complete || line.end) return false;
    rest.remove_prefix(line.size);
    if (switched() && !fits_tunnel(line.field)) continue;
    if (!head.fields.push(line.field)) return false;
  }
  if (switched()) {
    const http::Field upgrade{.name = "Upgrade", .value = "websocket", .id = http::FieldId::upgrade};
    const http::Field accept{.name = kAccept, .value = accept_};
    return head.fields.push(upgrade) && head.fields.push(accept);
  }
  return status_ >= 100 && status_ != 101;  // RFC 9113 8.6
}

http::ResponseFraming h2_framing(http::ResponseFraming framing, bool ended) {
  if (framing.body.kind == http::BodyKind::until_close) {
    framing.body = {.kind = ended ? http::BodyKind::length : http::BodyKind::chunked, .length = 0};
  }
  return framing;
}

}  // namespace edge
