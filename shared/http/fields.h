#pragma once
// Header fields: names that the edge knows get a FieldId while the head is parsed, so that later steps compare a byte
// and not text. A FieldList holds views into the connection's buffer and lives as long as that buffer stands still. No
// allocation; value types; one thread at a time.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "shared/core/ascii.h"

namespace http {

enum class FieldId : std::uint8_t {
  other,
  accept_encoding,
  age,
  authorization,
  cache_control,
  connection,
  content_encoding,
  content_length,
  content_type,
  cookie,
  date,
  etag,
  expect,
  expires,
  forwarded,
  host,
  http2_settings,
  if_match,
  if_modified_since,
  if_none_match,
  if_range,
  if_unmodified_since,
  keep_alive,
  last_modified,
  location,
  pragma,
  proxy,
  proxy_authenticate,
  proxy_authentication_info,
  proxy_authorization,
  proxy_connection,
  range,
  retry_after,
  server,
  set_cookie,
  te,
  traceparent,
  tracestate,
  trailer,
  transfer_encoding,
  upgrade,
  user_agent,
  vary,
  via,
  x_api_key,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_port,
  x_forwarded_proto,
  x_real_ip,
  x_request_id,
  count_,  // not a field
};

inline constexpr std::size_t kFieldIds = static_cast<std::size_t>(FieldId::count_);
static_assert(kFieldIds <= 64, "FieldList keeps one bit for each");

// Case-insensitive; `other` for a name that the edge does not know. REQUIRES: is_token(name), or it is empty.
[[nodiscard]] FieldId field_id(std::string_view name);
// The known field that `name` would be with every '_' read as '-' ("Content_Length" -> content_length), as CGI-like
// upstreams read it. `other` when the name has no underscore or means nothing to the edge.
[[nodiscard]] FieldId underscore_twin(std::string_view name);
[[nodiscard]] std::string_view canonical_name(FieldId id);  // "Content-Length"; empty for `other`

// ASCII only, as field names, methods, hosts and schemes are compared (RFC 9110 5.1).
using shared::equals_ignoring_case;
// The same with '_' equal to '-'.
[[nodiscard]] bool equals_as_twin(std::string_view a, std::string_view b);
[[nodiscard]] bool is_token(std::string_view text);  // RFC 9110 5.6.2, not empty

struct Field {
  std::string_view name;   // as received
  std::string_view value;  // without the white space around it
  FieldId id = FieldId::other;
};

class FieldList {
 public:
  static constexpr std::size_t kMostReceived = 100;             // what limits of a message may allow at most
  static constexpr std::size_t kCapacity = kMostReceived + 16;  // the rest is for what a proxy adds itself

  void clear() { count_ = 0, present_ = 0; }
  // False when the list is full.
  [[nodiscard]] bool push(const Field& field);

  [[nodiscard]] bool has(FieldId id) const { return ((present_ >> static_cast<unsigned>(id)) & 1) != 0; }
  [[nodiscard]] unsigned count(FieldId id) const;
  [[nodiscard]] const Field* find(FieldId id) const;             // the first; null when absent
  [[nodiscard]] const Field* find(std::string_view name) const;  // case-insensitive
  [[nodiscard]] std::span<const Field> all() const { return {fields_.data(), count_}; }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] const Field* begin() const { return fields_.data(); }
  [[nodiscard]] const Field* end() const { return fields_.data() + count_; }

 private:
  std::array<Field, kCapacity> fields_;
  std::size_t count_ = 0;
  std::uint64_t present_ = 0;
};

// What `Connection` says (RFC 9110 7.6.1). `named` are the options other than close, keep-alive and upgrade: fields
// that are dropped before forwarding, unless they are protected.
struct ConnectionOptions {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
  bool malformed = false;  // an option that is no token, or more than kMaxNamed of them
  static constexpr std::size_t kMaxNamed = 16;
  std::array<std::string_view, kMaxNamed> named{};
  std::size_t named_count = 0;

  [[nodiscard]] bool names(std::string_view field) const;
};
[[nodiscard]] ConnectionOptions connection_options(const FieldList& fields);

// Never forwarded, whatever Connection says: Connection, Keep-Alive, Proxy-*, TE, Transfer-Encoding, Upgrade, Trailer
// is kept only when trailers are. `Proxy` (httpoxy) too.
[[nodiscard]] bool is_hop_by_hop(FieldId id);
// Fields that a Connection option may not remove: Host, Content-Length, Cookie, Authorization, X-Forwarded-*, X-Real-IP
// ...
[[nodiscard]] bool is_protected(FieldId id);

// Calls visit(std::string_view) for each non-empty element of a comma-separated list, trimmed (RFC 9110 5.6.1).
template <class Visit>
void for_each_element(std::string_view list, Visit&& visit) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view element = shared::trim(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    if (!element.empty()) visit(element);
  }
}

}  // namespace http
