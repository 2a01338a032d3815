#include "edge/core/decide/hop_fields.h"

#include <algorithm>
#include <string_view>

#include "edge/core/pool/learned_sessions.h"
#include "shared/http/field_lines.h"

namespace edge {
namespace {

// Of limits that refuse somebody: one in shadow turns nobody away, whatever he says.
template <class IsBad>
bool any_of_limits(const RateLimits& limits, LimitKeyPart::Kind kind, IsBad&& is_bad) {
  return std::ranges::any_of(limits, [&](const auto& limit) {
    if (limit->settings().mode != shared::Mode::enforce) return false;
    return std::ranges::any_of(limit->settings().key,
                               [&](const LimitKeyPart& part) { return part.kind == kind && is_bad(part.name); });
  });
}

template <class IsBad>
bool any_of_cache(const CacheRule* rule, IsBad&& is_bad) {
  return rule != nullptr && std::ranges::any_of(rule->key, [&](const CacheKeyPart& part) {
           return part.kind == CacheKeyPart::Kind::header && is_bad(part.name);
         });
}

template <class IsBad>
bool any_of_pool(const Pool* pool, IsBad&& is_bad) {
  if (pool == nullptr) return false;
  if (pool->hash_key.kind == HashKey::Kind::header && is_bad(pool->hash_key.name)) return true;
  const LearnedSessions* sessions = pool->sticky.learned.get();
  return sessions != nullptr && sessions->by == LearnedSessions::By::header && is_bad(sessions->name);
}

// Of a field with an id, which has no twin.
bool has_two_values(const http::FieldList& fields, http::FieldId id) {
  if (fields.count(id) < 2) return false;
  const std::string_view first = fields.find(id)->value;
  return std::ranges::any_of(fields, [&](const http::Field& one) { return one.id == id && one.value != first; });
}

}  // namespace

bool takes_off_what_counts(const Route& route, const Pool* pool, const http::FieldList& fields) {
  if (!fields.has(http::FieldId::connection)) return false;
  const http::ConnectionOptions connection = http::connection_options(fields);
  if (connection.named_count == 0) return false;
  const auto takes = [&](std::string_view name) {
    return connection.names(name) && !http::is_protected(http::field_id(name));
  };
  const bool by_route = std::ranges::any_of(route.conditions.headers,
                                            [&](const NamedCondition& condition) { return takes(condition.name); });
  return by_route || any_of_limits(route.limits, LimitKeyPart::Kind::header, takes) ||
         any_of_cache(route.cache.get(), takes) || any_of_pool(pool, takes);
}

// Not by the cache's key, which has every line. Where a condition wants no value, two lines are there as one is.
bool doubles_what_counts(const Route& route, const Pool* pool, const http::FieldList& fields) {
  const auto doubles = [&](std::string_view name) { return http::is_ambiguous(fields, name); };
  const bool by_route = std::ranges::any_of(route.conditions.headers, [&](const NamedCondition& condition) {
    return condition.value && doubles(condition.name);
  });
  const auto doubled = [&](std::string_view) { return doubles_a_credential(fields); };
  return by_route || any_of_limits(route.limits, LimitKeyPart::Kind::header, doubles) ||
         any_of_limits(route.limits, LimitKeyPart::Kind::api_key, doubled) || any_of_pool(pool, doubles);
}

bool doubles_a_credential(const http::FieldList& fields) {
  return has_two_values(fields, http::FieldId::authorization) || has_two_values(fields, http::FieldId::x_api_key);
}

bool doubles_the_tier(const Tiers& tiers, const Client& client, const http::FieldList& fields) {
  if (!tiers.enabled()) return false;
  return doubles_a_credential(fields) || (client.trusted && http::is_ambiguous(fields, tiers.header()));
}

}  // namespace edge
