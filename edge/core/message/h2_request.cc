#include "edge/core/message/h2_request.h"

#include <algorithm>
#include <charconv>

#include "edge/core/message/h2_field.h"
#include "edge/core/message/h2_response.h"
#include "shared/core/ascii.h"

namespace edge {
namespace {

constexpr std::size_t kMaxMethod = 32;
constexpr std::size_t kFirst = 512;

// As HTTP/1's request line has it (RFC 9112 3.2): no space, no control octet, nothing over 0x7F.
bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

// -1: none.
std::int64_t read_length(std::string_view digits) {
  std::int64_t length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  return whole && digits.front() != '-' ? length : -1;
}

}  // namespace

H2Request::Taken H2Request::add(std::string_view name, std::string_view value, const http::HeadLimits& limits) {
  list_size_ += name.size() + value.size() + kOverhead;
  const bool pseudo = name.starts_with(':');
  if (!pseudo || name == ":authority") ++fields_;
  if (list_size_ > kFar * limits.max_head || fields_ > kFar * limits.max_fields) return Taken::too_much;
  over_ = over_ || list_size_ > limits.max_head || fields_ > limits.max_fields;
  if (over_) return Taken::yes;
  if (text_.capacity() < kFirst) text_.reserve(kFirst);
  if (pseudo) return add_pseudo(name, value);
  others_ = true;
  if (!is_h2_name(name) || !is_h2_value(value) || !takes(name, value)) return Taken::malformed;
  if (extended_connect()) {
    // A tunnel has no length, and HTTP/2's no key (RFC 8441 5): the one towards the server is ours.
    if (name == "content-length") return Taken::malformed;
    if (name == "sec-websocket-key") return Taken::yes;
  }
  if (name == "cookie") {
    add_cookie(value);
  } else {
    add_line(name, value);
  }
  return Taken::yes;
}

// Fields that HTTP/2 has rules of its own for (RFC 9113 8.1.1, 8.2.1, 8.2.2).
bool H2Request::takes(std::string_view name, std::string_view value) {
  if (has_blank_end(value)) return false;
  switch (name.size()) {
    case 2:
      return name != "te" || http::equals_ignoring_case(value, "trailers");
    case 4:
      return name != "host" || (!host_seen_ && !value.empty());
    case 14:
      if (name != "content-length") return true;
      if (length_ >= 0) return false;
      length_ = read_length(value);
      return length_ >= 0;
    default:
      return !is_h1_only(name);
  }
}

H2Request::Taken H2Request::add_pseudo(std::string_view name, std::string_view value) {
  if (others_ || !is_visible(value) || value.empty()) return Taken::malformed;
  const Piece piece{static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(value.size())};
  Piece* place = nullptr;
  if (name == ":method") place = &method_;
  if (name == ":scheme") place = &scheme_;
  if (name == ":path") place = &path_;
  if (name == ":authority") place = &authority_;
  if (name == ":protocol") place = &protocol_;
  if (place == nullptr || place->size != 0) return Taken::malformed;
  authority_seen_ = authority_seen_ || place == &authority_;
  *place = piece;
  text_.append(value);
  return Taken::yes;
}

void H2Request::add_cookie(std::string_view value) {
  if (cookie_) cookies_.append("; ");
  cookie_ = true;
  cookies_.append(value);
}

void H2Request::add_line(std::string_view name, std::string_view value) {
  if (lines_ == 0) lines_ = text_.size();
  text_.append(name).append(": ");
  if (name == "host" && !host_seen_) {
    host_seen_ = true;
    host_ = {static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(value.size())};
  }
  text_.append(value).append("\r\n");
}

// One Host, as HTTP/1 has it. Where it differs from :authority the target says that in its absolute form, and what
// HTTP/1 makes of that decides (RFC 9113 8.3.1, RFC 9112 3.2.2).
void H2Request::settle_host() {
  if (!authority_seen_) return;
  if (!host_seen_) {
    const std::string authority(view(authority_));
    return add_line("host", authority);
  }
  if (http::equals_ignoring_case(view(host_), view(authority_)) || path_.size == 0) return;
  if (view(path_) == "*") return;
  std::string absolute(view(scheme_));
  absolute.append("://").append(view(authority_)).append(view(path_));
  // Behind the lines, where an empty one ends them.
  text_.append("\r\n");
  path_ = {static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(absolute.size())};
  text_.append(absolute);
}

bool H2Request::well_formed(bool ended) const {
  if (over_) return true;  // it is refused for that
  if (ended && content_length().value_or(0) > 0) return false;
  if (!http::is_token(view(method_))) return false;
  if (method() == http::Method::connect && !extended_connect()) {
    return scheme_.size == 0 && path_.size == 0 && authority_seen_;
  }
  if (scheme_.size == 0 || path_.size == 0 || !(authority_seen_ || host_seen_)) return false;
  if (extended_connect() && (method() != http::Method::connect || !authority_seen_)) return false;
  const std::string_view scheme = view(scheme_);
  if (scheme != "http" && scheme != "https") return true;
  return view(path_).front() == '/' || (view(path_) == "*" && method() == http::Method::options);
}

std::optional<std::uint64_t> H2Request::content_length() const {
  if (length_ < 0 || method() == http::Method::connect) return std::nullopt;
  return static_cast<std::uint64_t>(length_);
}

std::optional<http::Refusal> H2Request::read_start(const http::HeadLimits& limits, http::RequestHead& head) const {
  head.method_text = view(method_);
  head.method = method();
  head.version = http::Version::http_1_1;
  // CONNECT has no path (RFC 9113 8.5); it is refused later, with the others that are not served.
  head.target = path_.size == 0 ? view(authority_) : view(path_);
  if (head.method_text.size() > kMaxMethod) return http::Refusal{400, "method too long"};
  if (!http::is_token(head.method_text)) return http::Refusal{400, "malformed method"};
  if (head.target.size() > limits.max_target) return http::Refusal{414, "target too long"};
  if (head.target.empty() || head.target.find('#') != std::string_view::npos) {
    return http::Refusal{400, "malformed target"};
  }
  return std::nullopt;
}

std::optional<http::Refusal> H2Request::read_lines(const http::HeadLimits& limits, http::RequestHead& head) const {
  head.fields.clear();
  std::string_view rest = std::string_view(text_).substr(lines_);
  while (lines_ != 0 && !rest.empty()) {
    const http::FieldLine line = http::parse_field_line(rest, http::Sender::client);
    if (line.state != http::ParseState::complete)
      return http::Refusal{400, line.reason.empty() ? "malformed field" : line.reason};
    if (line.end) break;
    rest.remove_prefix(line.size);
    if (head.fields.size() >= limits.max_fields || !head.fields.push(line.field)) {
      return http::Refusal{431, "too many fields"};
    }
  }
  return std::nullopt;
}

// RFC 8441 4 and 5: the GET that it is in HTTP/1, with the key that the server answers.
std::optional<http::Refusal> H2Request::check_extended(const http::RequestHead& head) const {
  if (head.method != http::Method::connect) return http::Refusal{400, ":protocol without CONNECT"};
  if (!http::equals_ignoring_case(view(protocol_), "websocket")) return http::Refusal{501, "unknown :protocol"};
  return std::nullopt;
}

void H2Request::add_upgrade(std::string_view key) {
  add_line("connection", "Upgrade");
  add_line("upgrade", "websocket");
  add_line("sec-websocket-key", key);
}

http::Checked<http::RequestFraming> H2Request::finish(const http::HeadLimits& limits, std::uint64_t max_body,
                                                      bool ended, std::string_view key, http::RequestHead& head) {
  head.fields.clear();
  head.method_text = view(method_);
  head.method = method();
  head.size = list_size_;
  if (over_) return http::refuse(431, fields_ > limits.max_fields ? "too many fields" : "head too large");
  if (cookie_) add_line("cookie", cookies_);
  if (extended_connect()) {
    if (const auto refusal = check_extended(head)) return tl::unexpected(*refusal);
    add_upgrade(key);
  }
  settle_host();
  if (const auto refusal = read_start(limits, head)) return tl::unexpected(*refusal);
  if (const auto refusal = read_lines(limits, head)) return tl::unexpected(*refusal);
  if (extended_connect()) {
    head.method = http::Method::get;
    head.method_text = "GET";
    return http::frame_request(head, max_body);
  }
  if (head.fields.has(http::FieldId::transfer_encoding) || head.fields.has(http::FieldId::connection)) {
    return http::refuse(400, "a field of HTTP/1's connections");
  }
  http::Checked<http::RequestFraming> framing = http::frame_request(head, max_body);
  if (!framing) return framing;
  framing->upgrade = false;
  if (framing->body.kind == http::BodyKind::none && !ended) {
    framing->body.kind = http::BodyKind::chunked;  // towards HTTP/1: its length is not known
    if (head.fields.has(http::FieldId::expect)) framing->expectation = http::Expectation::continue_100;
  }
  return framing;
}

}  // namespace edge
