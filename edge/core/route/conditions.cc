#include "edge/core/route/conditions.h"

#include "shared/core/hash.h"
#include "shared/http/cookie.h"

namespace edge {
namespace {

// X_Beta, which servers may read as X-Beta, is one too: else a route that keeps somebody off would be passed by with
// it. decide() lets nobody in by a value under such a name.
bool header_holds(const NamedCondition& condition, const http::FieldList& fields) {
  for (const http::Field& field : fields) {
    if (field.id != condition.id) continue;
    if (field.id == http::FieldId::other && !http::equals_as_twin(field.name, condition.name)) continue;
    if (!condition.value || field.value == *condition.value) return true;
  }
  return false;
}

bool cookie_holds(const NamedCondition& condition, const http::FieldList& fields) {
  const std::string_view value = http::find_cookie(fields, condition.name);
  return value.data() != nullptr && (!condition.value || value == *condition.value);
}

bool is_below(std::uint64_t hash, double share) { return static_cast<double>(hash >> 11) * 0x1.0p-53 < share; }

// By its cookie, or by what is given to it as one.
bool visitor_in_share(const Route& route, const RequestInfo& info, std::uint64_t seed) {
  const Conditions& conditions = route.conditions;
  const std::string_view id = http::find_cookie(info.fields, conditions.share_cookie);
  if (!id.empty() && id.size() <= NewVisitor::kMostId) return in_share(seed, route.name, id, *conditions.share);
  info.visitor->give(conditions.share_cookie);
  const NewVisitor::Id fresh = info.visitor->id();
  return in_share(seed, route.name, std::string_view(fresh.data(), fresh.size()), *conditions.share);
}

bool share_holds(const Route& route, const RequestInfo& info, std::uint64_t seed) {
  const Conditions& conditions = route.conditions;
  if (!conditions.share) return true;
  if (!conditions.share_cookie.empty()) return visitor_in_share(route, info, seed);
  return in_share(seed, route.name, info.client, *conditions.share);
}

}  // namespace

bool in_share(std::uint64_t seed, std::string_view route, const shared::IpAddress& client, double share) {
  // An IPv6 client changes its lower half at will; its network stays.
  const shared::IpAddress stable = client.family == shared::Family::ipv6 ? client.masked(64) : client;
  const std::uint64_t hash = shared::hash_bytes(shared::hash_text(seed, route), stable.bytes);
  return is_below(hash, share);
}

bool in_share(std::uint64_t seed, std::string_view route, std::string_view visitor, double share) {
  return is_below(shared::hash_text(shared::hash_text(seed, route), visitor), share);
}

std::string_view failed_condition(const Route& route, const RequestInfo& info, std::uint64_t seed) {
  const Conditions& conditions = route.conditions;
  if (conditions.tiers != 0 && ((conditions.tiers >> static_cast<unsigned>(info.tier)) & 1) == 0) return "tier";
  if (conditions.methods != 0 && ((conditions.methods >> static_cast<unsigned>(info.method)) & 1) == 0) return "method";
  for (const NamedCondition& header : conditions.headers) {
    if (!header_holds(header, info.fields)) return "header";
  }
  for (const NamedCondition& cookie : conditions.cookies) {
    if (!cookie_holds(cookie, info.fields)) return "cookie";
  }
  if (!share_holds(route, info, seed)) return "share";
  return {};
}

}  // namespace edge
