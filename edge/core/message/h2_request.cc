#include "edge/core/message/h2_request.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "edge/core/message/h2_field.h"
#include "shared/core/ascii.h"

namespace edge {
namespace {

constexpr std::size_t kMaxMethod = 32;

// -1: none.
std::int64_t read_length(std::string_view digits) {
  std::int64_t length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  return whole && digits.front() != '-' ? length : -1;
}

}  // namespace

// Room for n octets behind the text.
char* H2Request::grow(std::size_t n) {
  const std::size_t size = size_ + n;
  if (size > capacity_) {
    const std::size_t capacity = std::max<std::size_t>(size, 2 * std::size_t{capacity_});
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    std::memcpy(larger.get(), text(), size_);
    more_ = std::move(larger);
    capacity_ = static_cast<std::uint32_t>(capacity);
  }
  char* const place = (more_ ? more_.get() : first_.data()) + size_;
  size_ = static_cast<std::uint32_t>(size);
  return place;
}

H2Request::Piece H2Request::keep(std::string_view octets) {
  const Piece piece{size_, static_cast<std::uint32_t>(octets.size())};
  std::memcpy(grow(octets.size()), octets.data(), octets.size());
  return piece;
}

// False: far over the limits.
bool H2Request::counts(std::string_view name, std::string_view value, const http::HeadLimits& limits) {
  list_size_ += name.size() + value.size() + kOverhead;
  if (!name.starts_with(':') || name == ":authority") ++fields_;
  over_ = over_ || list_size_ > limits.max_head || fields_ > limits.max_fields;
  return list_size_ <= kFar * limits.max_head && fields_ <= kFar * limits.max_fields;
}

H2Request::Taken H2Request::add(std::string_view name, std::string_view value, const http::HeadLimits& limits) {
  if (!counts(name, value, limits)) return Taken::too_much;
  if (over_) return Taken::yes;
  if (name.starts_with(':')) return add_pseudo(name, value);
  others_ = true;
  if (!is_h2_name(name)) return Taken::malformed;
  const http::Field field{name, value, http::field_id(name)};
  if (field.id == http::FieldId::other) {
    const http::FieldId twin = http::underscore_twin(name);
    twin_ = twin_ || twin == http::FieldId::content_length || twin == http::FieldId::transfer_encoding;
  }
  return add_field(field);
}

H2Request::Taken H2Request::add(const http::Field& field, const http::HeadLimits& limits) {
  if (!counts(field.name, field.value, limits)) return Taken::too_much;
  if (over_) return Taken::yes;
  if (field.name.starts_with(':')) return add_pseudo(field.name, field.value);
  others_ = true;
  return add_field(field);
}

H2Request::Taken H2Request::add_field(const http::Field& field) {
  if (!is_h2_value(field.value) || !takes(field)) return Taken::malformed;
  if (extended_connect()) {
    // A tunnel has no length, and HTTP/2's no key (RFC 8441 5): the one towards the server is ours.
    if (field.id == http::FieldId::content_length) return Taken::malformed;
    if (field.name == "sec-websocket-key") return Taken::yes;
  }
  if (field.id == http::FieldId::cookie) {
    add_cookie(field.value);
  } else {
    add_line(field.name, field.value, field.id);
  }
  return Taken::yes;
}

// Fields that HTTP/2 has rules of its own for (RFC 9113 8.1.1, 8.2.1, 8.2.2).
bool H2Request::takes(const http::Field& field) {
  if (has_blank_end(field.value)) return false;
  switch (field.id) {
    case http::FieldId::te:
      return http::equals_ignoring_case(field.value, "trailers");
    case http::FieldId::host:
      return !host_seen_ && !field.value.empty();
    case http::FieldId::content_length:
      if (length_ >= 0) return false;
      length_ = read_length(field.value);
      return length_ >= 0;
    case http::FieldId::connection:
    case http::FieldId::transfer_encoding:
    case http::FieldId::keep_alive:
    case http::FieldId::upgrade:
    case http::FieldId::proxy_connection:
      return false;
    default:
      return true;
  }
}

// Null: there is no such one.
H2Request::Piece* H2Request::place_of(std::string_view pseudo) {
  switch (pseudo.size()) {
    case 5:
      return pseudo == ":path" ? &path_ : nullptr;
    case 7:
      return pseudo == ":method" ? &method_ : pseudo == ":scheme" ? &scheme_ : nullptr;
    case 9:
      return pseudo == ":protocol" ? &protocol_ : nullptr;
    case 10:
      return pseudo == ":authority" ? &authority_ : nullptr;
    default:
      return nullptr;
  }
}

H2Request::Taken H2Request::add_pseudo(std::string_view name, std::string_view value) {
  if (others_ || !is_visible(value) || value.empty()) return Taken::malformed;
  Piece* const place = place_of(name);
  if (place == nullptr || place->size != 0) return Taken::malformed;
  authority_seen_ = authority_seen_ || place == &authority_;
  *place = keep(value);
  return Taken::yes;
}

// A crumb of nothing leaves no separator: the line would end, or begin, with a blank that HTTP/1 has not.
void H2Request::add_cookie(std::string_view value) {
  cookie_ = true;
  if (!cookies_.empty() && !value.empty()) cookies_.append("; ");
  cookies_.append(value);
}

// REQUIRES: neither is of the text.
void H2Request::add_line(std::string_view name, std::string_view value, http::FieldId id) {
  if (lines_end_ == 0) lines_ = size_;
  const Line line{static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size()), id};
  char* const at = grow(sizeof line + name.size() + value.size());
  std::memcpy(at, &line, sizeof line);
  std::memcpy(at + sizeof line, name.data(), name.size());
  if (!value.empty()) std::memcpy(at + sizeof line + name.size(), value.data(), value.size());
  lines_end_ = size_;
  if (id != http::FieldId::host) return;
  host_seen_ = true;
  host_ = {static_cast<std::uint32_t>(size_ - value.size()), static_cast<std::uint32_t>(value.size())};
}

// One Host, as HTTP/1 has it. Where it differs from :authority the target says that in its absolute form, and what
// HTTP/1 makes of that decides (RFC 9113 8.3.1, RFC 9112 3.2.2).
void H2Request::settle_host() {
  if (!authority_seen_) return;
  if (!host_seen_) {
    const std::string authority(view(authority_));
    return add_line("host", authority, http::FieldId::host);
  }
  if (http::equals_ignoring_case(view(host_), view(authority_)) || path_.size == 0) return;
  if (view(path_) == "*") return;
  std::string absolute(view(scheme_));
  absolute.append("://").append(view(authority_)).append(view(path_));
  path_ = keep(absolute);
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
  if (twin_) return http::Refusal{400, "underscore twin of a framing field"};
  const char* const end = text() + lines_end_;
  for (const char* at = text() + lines_; at < end;) {
    Line line;
    std::memcpy(&line, at, sizeof line);
    at += sizeof line;
    if (head.fields.size() >= limits.max_fields) return http::Refusal{431, "too many fields"};
    if (!head.fields.push({{at, line.name}, {at + line.name, line.value}, line.id})) {
      return http::Refusal{431, "too many fields"};
    }
    at += std::size_t{line.name} + line.value;
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
  add_line("connection", "Upgrade", http::FieldId::connection);
  add_line("upgrade", "websocket", http::FieldId::upgrade);
  add_line("sec-websocket-key", key, http::FieldId::other);
}

http::Checked<http::RequestFraming> H2Request::finish(const http::HeadLimits& limits, std::uint64_t max_body,
                                                      bool ended, std::string_view key, http::RequestHead& head) {
  head.fields.clear();
  head.method_text = view(method_);
  head.method = method();
  head.size = list_size_;
  if (over_) return http::refuse(431, fields_ > limits.max_fields ? "too many fields" : "head too large");
  if (cookie_) add_line("cookie", cookies_, http::FieldId::cookie);
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
