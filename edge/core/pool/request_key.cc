#include "edge/core/pool/request_key.h"

#include "shared/core/hash.h"
#include "shared/http/cookie.h"

namespace edge {
namespace {

// Where it may stand on several lines, the first: one value must lead to one server, and does. Where it may not,
// decide() lets nobody in with two.
std::string_view header_value(const HashKey& key, const http::FieldList& fields) {
  for (const http::Field& field : fields) {
    if (field.id != key.field) continue;
    if (field.id == http::FieldId::other && !http::equals_ignoring_case(field.name, key.name)) continue;
    return field.value;
  }
  return {};
}

std::string_view text_of(const HashKey& key, const KeySource& source) {
  switch (key.kind) {
    case HashKey::Kind::header:
      return header_value(key, source.fields);
    case HashKey::Kind::cookie:
      return http::find_cookie(source.fields, key.name);
    case HashKey::Kind::path:
      return source.path;
    case HashKey::Kind::client:
      break;
  }
  return {};
}

}  // namespace

std::uint64_t request_key(const Pool& pool, const KeySource& source) {
  const auto* hash = std::get_if<HashSlots>(&pool.selector);
  if (hash == nullptr) return 0;
  if (const std::string_view text = text_of(pool.hash_key, source); !text.empty()) {
    return shared::hash_text(hash->seed, text);
  }
  const shared::IpAddress& client = source.client;
  const shared::IpAddress stable = client.family == shared::Family::ipv6 ? client.masked(64) : client;
  return shared::hash_bytes(hash->seed, stable.bytes);
}

}  // namespace edge
