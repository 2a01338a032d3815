#include "edge/core/conditions.h"

#include <algorithm>

#include "shared/core/hash.h"

namespace edge {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool header_holds(const NamedCondition& condition, const FieldList& fields) {
  for (const Field& field : fields) {
    if (field.id != condition.id) continue;
    if (field.id == FieldId::other && !equals_ignoring_case(field.name, condition.name)) continue;
    if (!condition.value || field.value == *condition.value) return true;
  }
  return false;
}

bool cookie_holds(const NamedCondition& condition, const FieldList& fields) {
  const std::string_view value = find_cookie(fields, condition.name);
  return value.data() != nullptr && (!condition.value || value == *condition.value);
}

}  // namespace

std::string_view find_cookie(const FieldList& fields, std::string_view name) {
  if (!fields.has(FieldId::cookie)) return {};
  for (const Field& field : fields) {
    if (field.id != FieldId::cookie) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view pair = trimmed(rest.substr(0, end));
      rest = rest.substr(std::min(end + 1, rest.size()));
      const std::size_t equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
    }
  }
  return {};
}

bool in_share(std::uint64_t seed, std::string_view route, const shared::IpAddress& client, double share) {
  // An IPv6 client changes its lower half at will; its network stays.
  const shared::IpAddress stable = client.family == shared::Family::ipv6 ? client.masked(64) : client;
  const std::uint64_t hash = shared::hash_bytes(shared::hash_text(seed, route), stable.bytes);
  return static_cast<double>(hash >> 11) * 0x1.0p-53 < share;
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
  if (conditions.share && !in_share(seed, route.name, info.client, *conditions.share)) return "share";
  return {};
}

}  // namespace edge
