#include "edge/load/check.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>

#include "edge/core/cache/storing.h"
#include "edge/load/check_hints.h"
#include "edge/load/check_limit_keys.h"
#include "edge/load/check_listeners.h"
#include "edge/load/check_probes.h"
#include "edge/load/check_sessions.h"
#include "edge/load/route_key.h"

namespace edge {
namespace {

using shared::load::Config;
using shared::load::Diagnostics;
using shared::load::Located;
using shared::load::Position;

struct Checker {
  const EdgeConfig& edge;
  const Config& config;
  Diagnostics& diagnostics;

  [[nodiscard]] const Position& place() const { return config.edge->at; }
};

std::string in_quotes(std::string_view name) { return "'" + std::string(name) + "'"; }

void check_listen(const Checker& checker) {
  if (checker.edge.listen.empty())
    checker.diagnostics.error(checker.place(), "listen: there must be at least one address");
  std::map<std::string, Position> seen;
  for (const ListenConfig& listen : checker.edge.listen) {
    if (listen.address.at.line == 0) continue;  // it could not be read, which has been said
    const std::string text = listen.address.value.to_string();
    const std::string kind = listen.protocol == Protocol::udp ? " (UDP)" : "";
    const auto [first, fresh] = seen.emplace(text + kind, listen.address.at);
    if (!fresh) {
      checker.diagnostics.error(listen.address.at,
                                "address " + text + " is already listened on (" + first->second.to_string() + ")");
    }
  }
}

// What the DNS nodes ask must be what a listener speaks; behind a translation of ports they may differ.
void check_probed(const Checker& checker) {
  if (!checker.config.dns || checker.diagnostics.failed()) return;
  const bool any_edge =
      std::ranges::any_of(checker.config.regions, [](const auto& r) { return !r.value.edges.empty(); });
  if (!any_edge) return;
  const shared::load::EdgeHealth& probe = checker.config.health.edge;
  const std::string port = std::to_string(probe.effective_port());
  const auto heard = std::ranges::find_if(checker.edge.listen, [&](const ListenConfig& listen) {
    const bool http = listen.protocol == Protocol::http || listen.protocol == Protocol::https;
    return http && listen.address.value.port == probe.effective_port();
  });
  if (heard == checker.edge.listen.end()) {
    checker.diagnostics.warning(
        checker.place(), "health.edge asks port " + port +
                             ", where no listener of the edge with protocol: http is: unless something before it "
                             "translates ports, every region would be down for DNS");
    return;
  }
  const bool tls = heard->protocol == Protocol::https;
  if (probe.kind == shared::load::ProbeKind::https && !tls) {
    checker.diagnostics.warning(checker.place(), "health.edge speaks https to port " + port +
                                                     ", where the edge listens with protocol: http: unless something "
                                                     "before it speaks TLS, every region would be down for DNS");
  } else if (probe.kind == shared::load::ProbeKind::http && tls) {
    checker.diagnostics.error(checker.place(), "health.edge speaks http to port " + port +
                                                   ", where the edge listens with protocol: https: every region would "
                                                   "be down for DNS; write health.edge.kind: https");
  }
}

std::vector<std::string_view> tier_names(const EdgeConfig& edge) {
  std::vector<std::string_view> names;
  if (edge.tiers) {
    for (const Located<std::string>& tier : edge.tiers->order) names.push_back(tier.value);
  }
  return names;
}

void check_tier_name(const Checker& checker, const Located<std::string>& tier) {
  const std::vector<std::string_view> known = tier_names(checker.edge);
  if (known.empty() && checker.edge.tiers) return;  // the order itself is what is wrong
  if (std::find(known.begin(), known.end(), tier.value) != known.end()) return;
  shared::load::unknown_name(tier.at, "tier", tier.value, known, checker.diagnostics);
}

// Those that give way in a pool.
void check_shed(const Checker& checker) {
  for (const auto& pool : checker.edge.pools) {
    if (!pool.value.shed) continue;
    for (const auto& tier : pool.value.shed->from) check_tier_name(checker, {tier.name, tier.at});
  }
}

void check_tiers(const Checker& checker) {
  check_shed(checker);
  if (!checker.edge.tiers) return;
  const TiersConfig& tiers = *checker.edge.tiers;
  if (tiers.order.size() > kMaxTiers) {
    checker.diagnostics.error(tiers.order[kMaxTiers].at, "order: more than " + std::to_string(kMaxTiers) + " tiers");
  }
  std::set<std::string_view> seen;
  for (const Located<std::string>& tier : tiers.order) {
    if (!seen.insert(tier.value).second)
      checker.diagnostics.error(tier.at, "order: tier " + in_quotes(tier.value) + " stands twice");
  }
  if (tiers.fallback) check_tier_name(checker, *tiers.fallback);
  std::set<TierSource> sources;
  for (const TierSourceConfig& source : tiers.from) {
    if (!sources.insert(source.source).second) {
      checker.diagnostics.error(source.at,
                                source.source == TierSource::header ? "a second tier header" : "a second key file");
    }
    if (source.source == TierSource::header && checker.edge.trusted_proxies.empty()) {
      checker.diagnostics.error(source.at, "header: nobody is believed: trusted_proxies is empty, so " + source.header +
                                               " would never decide a tier");
    }
  }
}

void check_server_list(const Checker& checker, const PoolConfig& pool, const std::vector<ServerConfig>& servers) {
  std::map<std::string, Position> seen;
  for (const ServerConfig& server : servers) {
    const auto [first, fresh] = seen.emplace(server.name(), server.at);
    if (!fresh) {
      checker.diagnostics.error(server.at, "server " + server.name() + " is already in this list (" +
                                               first->second.to_string() + "); give it a weight instead");
    }
    if (server.weight != 1 && pool.balance == Balance::round_robin) {
      checker.diagnostics.error(server.at, "weight has no effect with balance: round_robin; use weighted_round_robin");
    }
  }
}

void check_servers(const Checker& checker, const PoolConfig& pool, std::string_view name) {
  check_server_list(checker, pool, pool.servers.everywhere);
  const std::vector<std::string_view> regions = names_of(checker.config.regions);
  bool any = !pool.servers.everywhere.empty();
  for (const auto& [region, at, servers] : pool.servers.regions) {
    check_server_list(checker, pool, servers);
    any = any || !servers.empty();
    if (std::find(regions.begin(), regions.end(), region) == regions.end() && !regions.empty()) {
      shared::load::unknown_name(at, "region", region, regions, checker.diagnostics);
    }
  }
  if (!any) checker.diagnostics.error(pool.at, "pool " + in_quotes(name) + " has no server anywhere");
}

// A region that the pool has no servers for and no stand-in: allowed, and worth a word.
void check_absence(const Checker& checker, const PoolConfig& pool, std::string_view name) {
  if (pool.absent || !pool.servers.by_region) return;
  for (const auto& [region, at, unused] : checker.config.regions) {
    if (pool.servers.in(region) != nullptr) continue;
    const std::string what =
        "pool " + in_quotes(name) + " has no server in region " + in_quotes(region) + " and absent: fail";
    if (pool.critical) {
      checker.diagnostics.error(pool.at, what + ": as it is critical, that region would always be down");
    } else {
      checker.diagnostics.warning(pool.at, what + ": its requests there are answered with 503");
    }
  }
}

void check_absent_pools(const Checker& checker) {
  const std::vector<std::string_view> names = names_of(checker.edge.pools);
  for (const auto& [name, at, pool] : checker.edge.pools) {
    if (!pool.absent) continue;
    if (find_named(checker.edge.pools, pool.absent->value) == nullptr) {
      shared::load::unknown_name(pool.absent->at, "pool", pool.absent->value, names, checker.diagnostics);
      continue;
    }
    const PoolConfig* next = &pool;
    for (std::size_t step = 0; next != nullptr && next->absent; ++step) {
      if (next->absent->value == name || step > names.size()) {
        checker.diagnostics.error(pool.absent->at, "absent: pool " + in_quotes(name) + " would stand in for itself");
        break;
      }
      next = find_named(checker.edge.pools, next->absent->value);
    }
  }
}

bool tells_numbers(const HealthCheck& check) {
  return check.kind == HealthCheck::Kind::http || check.kind == HealthCheck::Kind::https;
}

// Who shall have another number of servers has somebody who says how busy they are, and somebody who starts them.
void check_scaling(const Checker& checker, const PoolConfig& pool, const Position& at) {
  if (!pool.autoscale) return;
  if (pool.autoscale->cpu && std::ranges::none_of(pool.health, tells_numbers)) {
    checker.diagnostics.error(at,
                              "autoscale: cpu is read from the JSON that a check of kind http gets: give the pool "
                              "`health: {path: /health}`, or aim at in_flight");
  }
  if (pool.autoscale->mode == ScaleMode::on && !checker.edge.scaler) {
    checker.diagnostics.error(at, "autoscale: mode: on needs somebody who is told: edge.scaler, or mode: dry_run");
  }
  const auto found = [](const ServerConfig& server) { return !server.dns.empty() || !server.srv.empty(); };
  const bool grows = std::ranges::any_of(pool.servers.everywhere, found) ||
                     std::ranges::any_of(pool.servers.regions,
                                         [&](const auto& region) { return std::ranges::any_of(region.value, found); });
  if (pool.autoscale->mode == ScaleMode::on && !grows) {
    checker.diagnostics.warning(at,
                                "autoscale: no server of the pool comes from the DNS: new ones are used only when "
                                "they are written here; see `servers: [{srv: ...}]`");
  }
}

// Sessions in Redis.
void check_session_store(const Checker& checker, const PoolConfig& pool) {
  if (!pool.sticky || pool.sticky->store != StickyStore::redis) return;
  const StickyConfig& sticky = *pool.sticky;
  if (!checker.edge.redis) {
    checker.diagnostics.error(sticky.at, "sticky: store: redis needs `edge.redis`");
  } else if (sticky.wait > checker.edge.redis->timeout) {
    checker.diagnostics.error(sticky.at, "sticky: wait: longer than redis.timeout: no answer comes after that");
  }
  if (pool.balance == Balance::ip_hash) {
    checker.diagnostics.warning(sticky.at,
                                "sticky: balance: ip_hash keeps a client at its server without any store: sessions in "
                                "Redis are of use only to clients whose address changes");
  }
}

void check_pools(const Checker& checker) {
  for (const auto& [name, at, pool] : checker.edge.pools) {
    check_session_store(checker, pool);
    check_servers(checker, pool, name);
    check_absence(checker, pool, name);
    check_scaling(checker, pool, at);
  }
  check_absent_pools(checker);
  std::set<std::string_view> used;
  for (const RouteConfig& route : checker.edge.routes) {
    if (route.pool) used.insert(route.pool->value);
    if (route.mirror) used.insert(route.mirror->pool.value);
  }
  for (const ListenConfig& listen : checker.edge.listen) {
    if (listen.pool) used.insert(listen.pool->value);
    for (const SniConfig& rule : listen.sni) used.insert(rule.pool.value);
  }
  for (const auto& [name, at, pool] : checker.edge.pools) {
    if (pool.absent) used.insert(pool.absent->value);
  }
  for (const auto& [name, at, pool] : checker.edge.pools) {
    if (!used.contains(name))
      checker.diagnostics.warning(at, "pool " + in_quotes(name) + " is used by no route and no listener");
  }
}

bool is_unconditional(const RouteConfig& route) {
  return route.tiers.empty() && route.methods.empty() && route.headers.empty() && route.cookies.empty() &&
         (!route.share || *route.share >= 100);
}

void check_reachable(const Checker& checker) {
  std::map<std::string, const RouteConfig*> decided;  // host and path -> the first route there that always holds
  std::map<std::string, const RouteConfig*> seen;     // the same with the conditions
  std::map<std::string, const RouteConfig*> named;
  for (const RouteConfig& route : checker.edge.routes) {
    const std::string place = route_place(route);
    const std::string whole = place + route_conditions(route);
    const auto before = decided.find(place);
    const auto twin = seen.find(whole);
    const RouteConfig* earlier = before != decided.end() ? before->second : twin != seen.end() ? twin->second : nullptr;
    if (earlier != nullptr) {
      checker.diagnostics.error(route.at, "route " + in_quotes(whole) + " is never reached: the route at " +
                                              earlier->at.to_string() + " takes all of its requests");
    }
    seen.emplace(whole, &route);
    if (is_unconditional(route)) decided.emplace(place, &route);
    if (!route.name.empty() && !named.emplace(route.name, &route).second) {
      checker.diagnostics.error(route.at, "name: there is already a route " + in_quotes(route.name));
    }
  }
}

// Of a listener of a pool: a connection has no fields, and nobody waits before it.
void check_connection_limit(const Checker& checker, const Located<std::string>& name,
                            std::span<const std::string_view> names) {
  const LimitConfig* limit = find_named(checker.edge.limits, name.value);
  if (limit == nullptr) return shared::load::unknown_name(name.at, "limit", name.value, names, checker.diagnostics);
  const bool by_client =
      std::ranges::all_of(limit->key, [](const auto& part) { return part.kind == LimitKeyPart::Kind::client; });
  if (!by_client) {
    checker.diagnostics.error(name.at, "limits: " + in_quotes(name.value) +
                                           " counts by what a request says, and a connection says nothing: its key "
                                           "must be client");
  }
  if (limit->excess == Excess::delay) {
    checker.diagnostics.error(name.at, "limits: " + in_quotes(name.value) +
                                           " delays, which is for requests: give the listener one with excess: reject");
  }
}

void check_limits(const Checker& checker) {
  const std::vector<std::string_view> names = names_of(checker.edge.limits);
  std::set<std::string_view> used;
  for (const RouteConfig& route : checker.edge.routes) {
    std::set<std::string_view> here;
    for (const Located<std::string>& limit : route.limits) {
      const LimitConfig* known = find_named(checker.edge.limits, limit.value);
      if (known == nullptr) {
        shared::load::unknown_name(limit.at, "limit", limit.value, names, checker.diagnostics);
      } else if (!here.insert(limit.value).second || known->everywhere) {
        checker.diagnostics.error(limit.at, "limits: " + in_quotes(limit.value) +
                                                (known->everywhere ? " is everywhere already" : " stands twice"));
      }
      used.insert(limit.value);
    }
  }
  for (const ListenConfig& listen : checker.edge.listen) {
    for (const Located<std::string>& limit : listen.limits) {
      used.insert(limit.value);
      check_connection_limit(checker, limit, names);
    }
  }
  for (const auto& [name, at, limit] : checker.edge.limits) {
    if (!limit.everywhere && !used.contains(name)) {
      checker.diagnostics.warning(at, "limit " + in_quotes(name) + " is used by no route and no listener");
    }
    const bool by_tier =
        std::ranges::any_of(limit.key, [](const auto& part) { return part.kind == LimitKeyPart::Kind::tier; });
    if (limit.scope == LimitScope::region && !checker.edge.redis) {
      checker.diagnostics.error(at, "limit " + in_quotes(name) + ": scope: region needs `edge.redis`");
    }
    if (by_tier && !checker.edge.tiers) {
      checker.diagnostics.error(at, "key: tier: this service has no tiers, see `edge.tiers`");
    }
  }
}

// Each store has a directory of its own; it is made at a start if its parent is there.
void check_cache_disks(const Checker& checker) {
  std::map<std::filesystem::path, std::string_view> taken;
  for (const auto& [name, at, store] : checker.edge.caches) {
    const Located<std::filesystem::path>& disk = store.disk;
    if (disk.value.empty()) continue;
    const std::filesystem::path path = std::filesystem::absolute(disk.value).lexically_normal();
    const auto [other, fresh] = taken.emplace(path, name);
    if (!fresh) {
      checker.diagnostics.error(disk.at, "disk: " + path.string() + " is that of cache " + in_quotes(other->second) +
                                             ": each needs a directory of its own");
    }
    std::error_code failed;
    const bool there = std::filesystem::exists(path, failed);
    if (there && !std::filesystem::is_directory(path, failed)) {
      checker.diagnostics.error(disk.at, "disk: " + path.string() + " is no directory: name another");
    } else if (!there && !std::filesystem::is_directory(path.parent_path(), failed)) {
      checker.diagnostics.error(disk.at, "disk: " + path.parent_path().string() + " is no directory: make it");
    }
  }
}

void check_redis(const Checker& checker) {
  if (!checker.edge.redis) return;
  const bool used = std::ranges::any_of(checker.edge.limits,
                                        [](const auto& limit) { return limit.value.scope == LimitScope::region; });
  const bool keeps_sessions = std::ranges::any_of(checker.edge.pools, [](const auto& pool) {
    return pool.value.sticky && pool.value.sticky->store == StickyStore::redis;
  });
  if (!used && !keeps_sessions) {
    checker.diagnostics.warning(checker.edge.redis->at,
                                "redis is used by nothing: no limit has scope: region, and no pool sticky: {store: "
                                "redis}");
  }
}

// What would never be stored, nor answered from what is.
void check_cached_route(const Checker& checker, const RouteConfig& route) {
  const auto warn = [&](const std::string& why) {
    checker.diagnostics.warning(route.cache->at, "cache has no effect: " + why);
  };
  if (!route.auth.empty()) warn("a route with auth answers each client for itself");
  const PoolConfig* pool = route.pool ? find_named(checker.edge.pools, route.pool->value) : nullptr;
  if (pool != nullptr && pool->proxy_protocol)
    warn("the servers of pool " + in_quotes(route.pool->value) +
         " are told whom each connection is of (proxy_protocol)");
}

void check_caches(const Checker& checker) {
  const std::vector<std::string_view> names = names_of(checker.edge.caches);
  std::set<std::string_view> used;
  for (const RouteConfig& route : checker.edge.routes) {
    if (!route.cache) continue;
    const Located<std::string>& store = route.cache->store;
    const CacheStoreConfig* known = find_named(checker.edge.caches, store.value);
    used.insert(store.value);
    check_cached_route(checker, route);
    if (known == nullptr) {
      shared::load::unknown_name(store.at, "cache", store.value, names, checker.diagnostics);
    } else if (route.cache->max_object > known->size / kLargestPartOfStore) {
      checker.diagnostics.error(route.cache->at, "max_object: more than a quarter of the store " +
                                                     in_quotes(store.value) + "; a body of that size is never kept");
    }
  }
  check_cache_disks(checker);
  for (const auto& [name, at, store] : checker.edge.caches) {
    if (!used.contains(name)) checker.diagnostics.warning(at, "cache " + in_quotes(name) + " is used by no route");
  }
}

void check_access(const Checker& checker) {
  const std::vector<std::string_view> names = names_of(checker.edge.access);
  std::set<std::string_view> used;
  for (const RouteConfig& route : checker.edge.routes) {
    std::set<std::string_view> here;
    for (const Located<std::string>& list : route.access) {
      const AccessConfig* known = find_named(checker.edge.access, list.value);
      if (known == nullptr) {
        shared::load::unknown_name(list.at, "access list", list.value, names, checker.diagnostics);
      } else if (!here.insert(list.value).second || known->everywhere) {
        checker.diagnostics.error(list.at, "access: " + in_quotes(list.value) +
                                               (known->everywhere ? " is everywhere already" : " stands twice"));
      }
      used.insert(list.value);
    }
  }
  for (const auto& [name, at, list] : checker.edge.access) {
    for (const Located<std::string>& host : list.hosts) {
      const bool known = std::ranges::any_of(checker.edge.routes, [&](const auto& r) { return r.host == host.value; });
      if (known) continue;
      checker.diagnostics.error(
          host.at, "hosts: no route has host " + in_quotes(host.value) + ": the list would guard nothing there");
    }
    if (!list.everywhere && list.hosts.empty() && !used.contains(name)) {
      checker.diagnostics.warning(at, "access list " + in_quotes(name) + " is used by no route");
    }
  }
}

void check_auth(const Checker& checker) {
  const std::vector<std::string_view> names = names_of(checker.edge.auth);
  std::set<std::string_view> used;
  for (const RouteConfig& route : checker.edge.routes) {
    for (const Located<std::string>& policy : route.auth) {
      if (find_named(checker.edge.auth, policy.value) == nullptr) {
        shared::load::unknown_name(policy.at, "auth policy", policy.value, names, checker.diagnostics);
      }
      used.insert(policy.value);
    }
  }
  for (const auto& [name, at, policy] : checker.edge.auth) {
    if (!used.contains(name))
      checker.diagnostics.warning(at, "auth policy " + in_quotes(name) + " is used by no route");
    if (policy.jwt && !policy.jwt->tier.empty() && !checker.edge.tiers) {
      checker.diagnostics.error(at, "jwt: tier: this service has no tiers, see `edge.tiers`");
    }
  }
}

// The health page is answered before any route is asked.
void check_reserved(const Checker& checker, const RouteConfig& route) {
  constexpr std::string_view kReserved = "/.meridian";
  std::string_view path = route.path;
  if (path.starts_with('=')) path.remove_prefix(1);
  if (path != kReserved && !path.starts_with(std::string(kReserved) + "/")) return;
  checker.diagnostics.error(
      route.at, "path: " + std::string(path) + " is reserved: below /.meridian/ the edge answers by itself");
}

// A limit that another one, written beside it, always ends first.
void check_times(const Checker& checker, const TimeoutConfig& own, const shared::load::Position& at) {
  const TimeoutConfig& general = checker.edge.timeout;
  const auto total = own.total ? own.total : general.total;
  if (!total) return;
  const auto compare = [&](std::string_view key, const std::optional<shared::Duration>& mine,
                           const std::optional<shared::Duration>& shared) {
    const auto value = mine ? mine : shared;
    const bool written_here = mine || own.total;
    if (!value || !written_here || *value <= *total) return;
    checker.diagnostics.warning(at, "timeout: " + std::string(key) + ": " + shared::load::print_duration(*value) +
                                        " is never reached: total: " + shared::load::print_duration(*total) +
                                        " ends first");
  };
  compare("connect", own.connect, general.connect);
  compare("try", own.try_time, general.try_time);
}

void check_timeouts(const Checker& checker) {
  check_times(checker, checker.edge.timeout, checker.place());
  for (const RouteConfig& route : checker.edge.routes) check_times(checker, route.timeout, route.at);
}

void check_routes(const Checker& checker) {
  const std::vector<std::string_view> pools = names_of(checker.edge.pools);
  // Without pools, `pools` itself is what is wrong, and has been said.
  const bool know_pools = !pools.empty() || checker.config.edge->find("pools") == nullptr;
  if (checker.edge.routes.empty())
    checker.diagnostics.error(checker.place(), "routes: there must be at least one route");
  for (const RouteConfig& route : checker.edge.routes) {
    if (route.pool && know_pools && find_named(checker.edge.pools, route.pool->value) == nullptr) {
      shared::load::unknown_name(route.pool->at, "pool", route.pool->value, pools, checker.diagnostics);
    }
    if (route.mirror && know_pools && find_named(checker.edge.pools, route.mirror->pool.value) == nullptr) {
      shared::load::unknown_name(route.mirror->pool.at, "pool", route.mirror->pool.value, pools, checker.diagnostics);
    }
    for (const Located<std::string>& tier : route.tiers) check_tier_name(checker, tier);
    check_reserved(checker, route);
    if (route_depth(route) > kMaxRouteDepth) {
      checker.diagnostics.error(route.at, "path: more than " + std::to_string(kMaxRouteDepth) + " segments");
    }
  }
  // What failed to be read holds a default, and would seem to shadow others.
  if (!checker.diagnostics.failed()) check_reachable(checker);
}

}  // namespace

void check_edge(const EdgeConfig& edge, const Config& config, Diagnostics& diagnostics) {
  const Checker checker{edge, config, diagnostics};
  check_listen(checker);
  check_listeners(edge, diagnostics);
  check_probed(checker);
  check_tiers(checker);
  check_pools(checker);
  check_routes(checker);
  check_limits(checker);
  check_redis(checker);
  check_caches(checker);
  check_access(checker);
  check_auth(checker);
  check_timeouts(checker);
  check_sessions(edge, diagnostics);
  check_probes(edge, config, diagnostics);
  check_hints(edge, config, diagnostics);
  check_limit_keys(edge, diagnostics);
}

}  // namespace edge
