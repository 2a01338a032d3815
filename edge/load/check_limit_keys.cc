#include "edge/load/check_limit_keys.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "edge/load/route_key.h"

namespace edge {
namespace {

using shared::load::Located;

struct Asked {
  std::string_view name;
  const LimitConfig* limit;
  shared::load::Position at;  // where it is said to be asked
};

// The limits that refuse or delay somebody on this route.
std::vector<Asked> enforced(const EdgeConfig& edge, const RouteConfig& route) {
  std::vector<Asked> limits;
  for (const auto& [name, at, limit] : edge.limits) {
    if (limit.mode != shared::Mode::enforce) continue;
    const auto named = std::ranges::find(route.limits, name, &Located<std::string>::value);
    if (named != route.limits.end()) {
      limits.push_back({name, &limit, named->at});
    } else if (limit.everywhere) {
      limits.push_back({name, &limit, at});
    }
  }
  return limits;
}

bool verifies(const EdgeConfig& edge, const RouteConfig& route) {
  return std::ranges::any_of(edge.auth, [&](const auto& policy) {
    return policy.value.mode == shared::Mode::enforce &&
           std::ranges::find(route.auth, policy.name, &Located<std::string>::value) != route.auth.end();
  });
}

// "the header X-Tenant"; empty: nothing of it can be made up. A host can where the route takes more than one.
std::string made_up(const LimitConfig& limit, const RouteConfig& route, bool verified) {
  const bool any_host = route.host.empty() || route.host.starts_with('*');
  for (const LimitKeyPart& part : limit.key) {
    if (part.kind == LimitKeyPart::Kind::header) return "the header " + part.name;
    if (part.kind == LimitKeyPart::Kind::cookie) return "the cookie " + part.name;
    if (part.kind == LimitKeyPart::Kind::api_key && !verified) return "an API key";
    if (part.kind == LimitKeyPart::Kind::host && any_host) return "the host";
  }
  return {};
}

bool verifies_tokens(const EdgeConfig& edge, const RouteConfig& route) {
  return std::ranges::any_of(edge.auth, [&](const auto& policy) {
    return policy.value.jwt &&
           std::ranges::find(route.auth, policy.name, &Located<std::string>::value) != route.auth.end();
  });
}

// A limit that is named there counts by a claim, and nobody on the route knows any: it counts clients, which is not
// what has been asked for. One that is everywhere may meet routes of both kinds.
void check_claims(const EdgeConfig& edge, const RouteConfig& route, const Asked& one,
                  shared::load::Diagnostics& diagnostics) {
  const auto claim = std::ranges::find(one.limit->key, LimitKeyPart::Kind::claim, &LimitKeyPart::kind);
  if (claim == one.limit->key.end() || one.limit->everywhere || verifies_tokens(edge, route)) return;
  diagnostics.warning(one.at, "limit '" + std::string(one.name) + "' counts by the claim " + claim->name +
                                  ", and no policy of route '" + route_name(route) +
                                  "' verifies tokens: every client counts by its address; give the route auth with a "
                                  "policy that has jwt");
}

}  // namespace

void check_limit_keys(const EdgeConfig& edge, shared::load::Diagnostics& diagnostics) {
  std::set<std::string_view> told;
  for (const RouteConfig& route : edge.routes) {
    const bool verified = verifies(edge, route);
    const std::vector<Asked> limits = enforced(edge, route);
    for (const Asked& one : limits) check_claims(edge, route, one, diagnostics);
    const bool held =
        std::ranges::any_of(limits, [&](const Asked& one) { return made_up(*one.limit, route, verified).empty(); });
    if (held) continue;
    for (const Asked& one : limits) {
      if (!told.insert(one.name).second) continue;
      const std::string what = made_up(*one.limit, route, verified);
      diagnostics.warning(
          one.at,
          "limit '" + std::string(one.name) + "' counts by " + what + ", and nothing on route '" + route_name(route) +
              "' says that it is not made up: whoever sends another one each time is never "
              "refused; " +
              (what == "an API key" ? "give the route auth, or one more limit" : "give the route one more limit") +
              " with key: client");
    }
  }
}

}  // namespace edge
