#include "edge/core/cache/freshness.h"

#include <algorithm>
#include <chrono>

namespace edge {
namespace {

constexpr Delta kHeuristicMost = 24 * 60 * 60;
constexpr std::int64_t kHeuristicPart = 10;  // a tenth

Delta clamp_delta(std::int64_t seconds) {
  return static_cast<Delta>(std::clamp<std::int64_t>(seconds, 0, std::int64_t{kMaxDelta}));
}

std::optional<http::UnixSeconds> date_of(const http::FieldList& fields, http::FieldId id, http::UnixSeconds now) {
  const http::Field* field = fields.find(id);
  return field == nullptr ? std::nullopt : http::parse_date(field->value, now);
}

// Two that differ make it stale, and so does one that is no date: "0" is said for that (RFC 9111 5.3).
Delta expires_in(const http::FieldList& fields, http::UnixSeconds heard_at) {
  std::optional<http::UnixSeconds> expires;
  for (const http::Field& field : fields) {
    if (field.id != http::FieldId::expires) continue;
    const auto said = http::parse_date(field.value, heard_at);
    if (!said || (expires && *expires != *said)) return 0;
    expires = said;
  }
  const http::UnixSeconds date = date_of(fields, http::FieldId::date, heard_at).value_or(heard_at);
  return expires ? clamp_delta(*expires - date) : 0;
}

std::optional<Delta> ttl_by_rule(const CacheRule& rule, std::uint16_t status) {
  for (const StatusTtl& ttl : rule.ttl) {
    if (ttl.status == status) return ttl.seconds;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Delta> age_of(const http::FieldList& fields) {
  const http::Field* field = fields.find(http::FieldId::age);
  if (field == nullptr) return std::nullopt;
  return parse_delta(shared::trim(field->value.substr(0, field->value.find(','))));
}

Delta initial_age(const http::FieldList& fields, const FetchTimes& times) {
  const auto date = date_of(fields, http::FieldId::date, times.heard_at);
  const std::int64_t apparent = date ? std::max<std::int64_t>(0, times.heard_at - *date) : 0;
  const auto delay = std::chrono::duration_cast<std::chrono::seconds>(times.heard - times.asked).count();
  const std::int64_t corrected = std::int64_t{age_of(fields).value_or(0)} + std::max<std::int64_t>(0, delay);
  return clamp_delta(std::max(apparent, corrected));
}

bool is_heuristically_cacheable(std::uint16_t status) {
  switch (status) {
    case 200:
    case 203:
    case 204:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 501:
      return true;
    default:
      return false;
  }
}

Lifetime lifetime_of(const http::ResponseHead& head, const ResponseDirectives& directives, const CacheRule& rule,
                     http::UnixSeconds heard_at) {
  if (directives.s_maxage.given) return {directives.s_maxage.seconds, FreshnessSource::directive};
  if (directives.max_age.given) return {directives.max_age.seconds, FreshnessSource::directive};
  if (!directives.targeted && head.fields.has(http::FieldId::expires)) {
    return {expires_in(head.fields, heard_at), FreshnessSource::expires};
  }
  if (const auto ttl = ttl_by_rule(rule, head.status)) return {*ttl, FreshnessSource::rule};
  if (!rule.heuristic || (!is_heuristically_cacheable(head.status) && !directives.is_public)) return {};
  const auto modified = date_of(head.fields, http::FieldId::last_modified, heard_at);
  if (!modified) return {};
  const http::UnixSeconds date = date_of(head.fields, http::FieldId::date, heard_at).value_or(heard_at);
  return {std::min(clamp_delta((date - *modified) / kHeuristicPart), kHeuristicMost), FreshnessSource::heuristic};
}

std::int64_t Freshness::age(shared::TimePoint now) const {
  const auto resident = std::chrono::duration_cast<std::chrono::seconds>(now - heard).count();
  return std::int64_t{initial_age} + std::max<std::int64_t>(0, resident);
}

Freshness freshness_of(const http::ResponseHead& head, const ResponseDirectives& directives, const CacheRule& rule,
                       const FetchTimes& times) {
  const DeltaDirective& meanwhile = directives.stale_while_revalidate;
  const DeltaDirective& at_error = directives.stale_if_error;
  Freshness made;
  made.heard = times.heard;
  made.initial_age = initial_age(head.fields, times);
  made.lifetime = lifetime_of(head, directives, rule, times.heard_at).seconds;
  made.no_cache = directives.no_cache;
  made.revalidates = directives.revalidates() || directives.s_maxage.given;
  made.soft = !directives.revalidates() && (meanwhile.given || at_error.given);
  made.stale_while_revalidate = meanwhile.given ? meanwhile.seconds : rule.stale_while_revalidate;
  made.stale_if_error = at_error.given ? at_error.seconds : rule.stale_if_error;
  if (made.revalidates && !made.soft) made.stale_while_revalidate = made.stale_if_error = 0;
  if (made.soft && made.revalidates) {  // s-maxage forbids what only we would allow
    if (!meanwhile.given) made.stale_while_revalidate = 0;
    if (!at_error.given) made.stale_if_error = 0;
  }
  return made;
}

}  // namespace edge
