#include "edge/core/decide/hop_fields.h"

#include <algorithm>

#include "edge/core/pool/learned_sessions.h"

namespace edge {
namespace {

bool takes(const http::ConnectionOptions& connection, std::string_view name) {
  return connection.names(name) && !http::is_protected(http::field_id(name));
}

// Of limits that refuse somebody: one in shadow turns nobody away, whatever he says.
bool of_limits(const RateLimits& limits, const http::ConnectionOptions& connection) {
  return std::ranges::any_of(limits, [&](const auto& limit) {
    if (limit->settings().mode != shared::Mode::enforce) return false;
    return std::ranges::any_of(limit->settings().key, [&](const LimitKeyPart& part) {
      return part.kind == LimitKeyPart::Kind::header && takes(connection, part.name);
    });
  });
}

bool of_cache(const CacheRule* rule, const http::ConnectionOptions& connection) {
  return rule != nullptr && std::ranges::any_of(rule->key, [&](const CacheKeyPart& part) {
           return part.kind == CacheKeyPart::Kind::header && takes(connection, part.name);
         });
}

bool of_pool(const Pool* pool, const http::ConnectionOptions& connection) {
  if (pool == nullptr) return false;
  if (pool->hash_key.kind == HashKey::Kind::header && takes(connection, pool->hash_key.name)) return true;
  const LearnedSessions* sessions = pool->sticky.learned.get();
  return sessions != nullptr && sessions->by == LearnedSessions::By::header && takes(connection, sessions->name);
}

}  // namespace

bool takes_off_what_counts(const Route& route, const Pool* pool, const http::FieldList& fields) {
  if (!fields.has(http::FieldId::connection)) return false;
  const http::ConnectionOptions connection = http::connection_options(fields);
  if (connection.named_count == 0) return false;
  const bool by_route = std::ranges::any_of(
      route.conditions.headers, [&](const NamedCondition& condition) { return takes(connection, condition.name); });
  return by_route || of_limits(route.limits, connection) || of_cache(route.cache.get(), connection) ||
         of_pool(pool, connection);
}

}  // namespace edge
