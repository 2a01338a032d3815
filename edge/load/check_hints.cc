#include "edge/load/check_hints.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "edge/load/route_key.h"
#include "shared/core/ascii.h"

namespace edge {
namespace {

using shared::load::Diagnostics;

bool is_everybody(std::span<const shared::Prefix> networks) {
  return std::ranges::any_of(networks, [](const shared::Prefix& network) { return network.length == 0; });
}

void check_networks(const EdgeConfig& edge, const shared::load::Position& at, Diagnostics& diagnostics) {
  if (is_everybody(edge.explain_to)) {
    diagnostics.warning(at,
                        "explain_to: everybody is told how requests are decided: pools, servers, limits, lists; "
                        "name the networks of those who operate this service");
  }
  if (is_everybody(edge.trusted_proxies)) {
    diagnostics.warning(at,
                        "trusted_proxies: everybody is believed, and may claim any address, which access lists and "
                        "limits then go by; name the networks of your proxies");
  }
}

// One route's cache, and what its key has.
class CachedRoute {
 public:
  CachedRoute(const RouteConfig& route, Diagnostics& diagnostics) : route_(route), diagnostics_(diagnostics) {}

  // `who` tells clients apart by it: "limit 'api' counts by".
  void look_at(CacheKeyPart::Kind kind, const std::string& name, const std::string& who) {
    const bool keyed = std::ranges::any_of(route_.cache->key, [&](const CacheKeyPart& part) {
      return part.kind == kind && shared::equals_ignoring_case(part.name, name);
    });
    if (keyed) return;
    const bool header = kind == CacheKeyPart::Kind::header;
    const std::string what = header ? "header" : "cookie";
    diagnostics_.warning(route_.cache->at, "cache: " + who + " the " + what + " " + name +
                                               ", which key does not name: what a server says for one value all get; "
                                               "write key: [{" +
                                               what + ": " + name + "}]" +
                                               (header ? ", or have servers say Vary: " + name : "") +
                                               " if answers differ by it");
  }

 private:
  const RouteConfig& route_;
  Diagnostics& diagnostics_;
};

bool asks(const RouteConfig& route, const shared::load::Named<LimitConfig>& limit) {
  const bool named = std::ranges::any_of(route.limits, [&](const auto& one) { return one.value == limit.name; });
  return named || limit.value.everywhere;
}

// Hits use no limit, so a key of one says nothing of who gets an answer. Values that a condition names are told apart
// by the route itself, and tiers always.
void check_cache_key(const EdgeConfig& edge, const RouteConfig& route, Diagnostics& diagnostics) {
  CachedRoute cached(route, diagnostics);
  for (const auto& limit : edge.limits) {
    if (!asks(route, limit)) continue;
    for (const LimitKeyPart& part : limit.value.key) {
      const std::string who = "limit '" + limit.name + "' counts by";
      if (part.kind == LimitKeyPart::Kind::header) cached.look_at(CacheKeyPart::Kind::header, part.name, who);
      if (part.kind == LimitKeyPart::Kind::cookie) cached.look_at(CacheKeyPart::Kind::cookie, part.name, who);
    }
  }
  const std::string who = "route '" + route_name(route) + "' is for whoever has";
  for (const NamedCondition& one : route.headers) {
    if (!one.value) cached.look_at(CacheKeyPart::Kind::header, one.name, who);
  }
  for (const NamedCondition& one : route.cookies) {
    if (!one.value) cached.look_at(CacheKeyPart::Kind::cookie, one.name, who);
  }
}

}  // namespace

void check_hints(const EdgeConfig& edge, const shared::load::Config& config, Diagnostics& diagnostics) {
  if (config.edge) check_networks(edge, config.edge->at, diagnostics);
  for (const RouteConfig& route : edge.routes) {
    if (route.cache && route.auth.empty()) check_cache_key(edge, route, diagnostics);
  }
}

}  // namespace edge
