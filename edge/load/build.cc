#include "edge/load/build.h"

#include <algorithm>
#include <map>
#include <utility>

#include "edge/load/key_file.h"
#include "edge/load/readers.h"
#include "edge/load/route_key.h"
#include "shared/core/hash.h"

namespace edge {
namespace {

using shared::load::NamedMap;
using std::chrono::ceil;
using std::chrono::milliseconds;

class Builder {
 public:
  Builder(const BuildInput& input, ServerIds& ids, Diagnostics& diagnostics)
      : input_(input), edge_(input.edge), ids_(ids), diagnostics_(diagnostics) {}

  std::optional<Built> build() {
    const std::size_t before = diagnostics_.errors();
    build_settings();
    build_tiers();
    build_pools();
    build_routes();
    build_listen();
    if (diagnostics_.errors() > before) return std::nullopt;
    return std::move(built_);
  }

 private:
  void build_settings() {
    auto settings = std::make_shared<Settings>();
    settings->identity = {input_.config.service, input_.region, input_.node.to_string()};
    settings->trusted_proxies = PrefixSet(edge_.trusted_proxies);
    const ClientConfig& client = edge_.client;
    settings->head_limits = {static_cast<std::uint32_t>(client.max_head), static_cast<std::uint32_t>(client.max_target),
                             client.max_fields};
    settings->max_body = client.max_body;
    settings->timeouts = {ceil<milliseconds>(client.head_timeout), ceil<milliseconds>(client.keep_alive_timeout),
                          ceil<milliseconds>(client.body_timeout), ceil<milliseconds>(client.send_timeout)};
    settings->response_rules = rules({&edge_.response_headers});
    built_.settings = std::move(settings);
  }

  void build_tiers() {
    Tiers::Settings settings;
    if (edge_.tiers) {
      for (const auto& tier : edge_.tiers->order) settings.order.push_back(tier.value);
      const Tiers names(settings);
      if (edge_.tiers->fallback) settings.fallback = names.find(edge_.tiers->fallback->value).value_or(TierId{});
      for (const TierSourceConfig& source : edge_.tiers->from) add_source(source, names, settings);
    }
    built_.tiers = std::make_shared<const Tiers>(std::move(settings));
  }

  void add_source(const TierSourceConfig& source, const Tiers& names, Tiers::Settings& settings) {
    settings.sources.push_back(source.source);
    if (source.source == TierSource::header) {
      settings.header = source.header;
    } else {
      settings.keys = ApiKeys(read_key_file(source.keys, names, source.at, diagnostics_), input_.key_seed);
    }
  }

  void build_pools() {
    std::vector<Pool> pools;
    auto addresses = std::make_shared<Addresses>();
    for (const auto& [name, at, config] : edge_.pools) {
      Pool pool;
      pool.id = static_cast<PoolId>(pools.size());
      pool.effective = pool.id;
      pool.name = name;
      pool.critical = config.critical;
      pool.health = health_check(config.health);
      pool.keep_alive = {config.idle.connections, ceil<milliseconds>(config.idle.timeout)};
      if (const std::vector<ServerConfig>* servers = config.servers.in(input_.region))
        add_servers(pool, *servers, *addresses);
      pools.push_back(std::move(pool));
    }
    for (Pool& pool : pools) pool.effective = effective(pools, pool.id);
    built_.addresses = std::move(addresses);
    built_.pools = std::make_shared<const Pools>(std::move(pools));
  }

  void add_servers(Pool& pool, const std::vector<ServerConfig>& servers, Addresses& addresses) {
    std::vector<std::uint16_t> weights;
    for (const ServerConfig& config : servers) {
      const std::optional<ServerId> id = ids_.id_of(pool.name, config.address);
      if (!id) {
        diagnostics_.error(config.at, "this process has seen " + std::to_string(Live::kMaxServers) +
                                          " different servers and can take no more: restart it");
        return;
      }
      HostAndPort split = split_address(config.address);
      add_server({config.address, std::move(split.host), split.port, config.weight, *id}, pool, addresses);
      weights.push_back(config.weight);
    }
    pool.selector = make_sequence(weights);
  }

  void add_server(Server server, Pool& pool, Addresses& addresses) {
    if (const auto literal = shared::IpAddress::parse(server.host)) {
      addresses.set(server.id, {shared::Endpoint{*literal, server.port}});
    } else {
      built_.names.push_back({server.id, server.host, server.port});
    }
    if (pool.health.kind != HealthCheck::Kind::none) {
      built_.health_targets.push_back({server.id, pool.name, server.name, server.host, server.port, pool.health});
    }
    built_.last_server = std::max(built_.last_server.value_or(server.id), server.id);
    pool.servers.push_back(std::move(server));
  }

  // Follows `absent` to a pool with servers here; check_edge() has made sure that there is no ring.
  PoolId effective(const std::vector<Pool>& pools, PoolId id) const {
    PoolId at = id;
    for (std::size_t step = 0; step < pools.size(); ++step) {
      const auto& absent = edge_.pools[static_cast<std::size_t>(at)].value.absent;
      if (!pools[static_cast<std::size_t>(at)].servers.empty() || !absent) break;
      at = pool_id(absent->value).value_or(at);
    }
    return at;
  }

  std::optional<PoolId> pool_id(std::string_view name) const {
    for (std::size_t i = 0; i < edge_.pools.size(); ++i) {
      if (edge_.pools[i].name == name) return static_cast<PoolId>(i);
    }
    return std::nullopt;
  }

  static HealthCheck health_check(const std::optional<HealthConfig>& config) {
    HealthCheck check;
    if (!config) return check;
    check.kind = config->kind == CheckKind::http ? HealthCheck::Kind::http : HealthCheck::Kind::tcp;
    check.path = config->path;
    check.host = config->host;
    check.interval = ceil<milliseconds>(config->interval);
    check.timeout = ceil<milliseconds>(config->timeout);
    check.settings = {config->fall, config->rise};
    check.status_low = config->status.low;
    check.status_high = config->status.high;
    return check;
  }

  void build_routes() {
    std::vector<Route> routes;
    for (const RouteConfig& config : edge_.routes) routes.push_back(route(config));
    const std::uint64_t seed = shared::hash_text(0, input_.config.service);
    built_.routes = std::make_shared<const RouteTable>(std::move(routes), seed);
  }

  Route route(const RouteConfig& config) const {
    Route route;
    route.name = route_name(config);
    route.host = config.host;
    route.path = config.path;
    route.conditions = conditions(config);
    if (config.pool) route.action = pool_id(config.pool->value).value_or(PoolId{});
    if (config.respond) route.action = *config.respond;
    if (config.redirect) route.action = *config.redirect;
    if (config.allow) route.allow = PrefixSet(*config.allow);
    route.timeouts = timeouts(config.timeout);
    route.request_rules = rules({&edge_.request_headers, &config.request_headers});
    route.response_rules = rules({&edge_.response_headers, &config.response_headers});
    return route;
  }

  Conditions conditions(const RouteConfig& config) const {
    Conditions conditions;
    for (const auto& tier : config.tiers) {
      if (const auto id = built_.tiers->find(tier.value)) conditions.tiers |= 1U << static_cast<unsigned>(*id);
    }
    for (const Method method : config.methods) conditions.methods |= 1U << static_cast<unsigned>(method);
    conditions.headers = config.headers;
    conditions.cookies = config.cookies;
    if (config.share) conditions.share = *config.share / 100;
    return conditions;
  }

  Timeouts timeouts(const TimeoutConfig& own) const {
    const Timeouts defaults;
    const auto choose = [](const auto& first, const auto& second, milliseconds fallback) {
      return first ? ceil<milliseconds>(*first) : second ? ceil<milliseconds>(*second) : fallback;
    };
    return {choose(own.connect, edge_.timeout.connect, defaults.connect),
            choose(own.send, edge_.timeout.send, defaults.send), choose(own.read, edge_.timeout.read, defaults.read)};
  }

  static HeaderRules rules(std::initializer_list<const HeaderRulesConfig*> layers) {
    HeaderRules rules;
    for (const HeaderRulesConfig* layer : layers) {
      for (const HeaderRule& rule : layer->rules) rules.apply(rule);
    }
    return rules;
  }

  void build_listen() {
    for (const ListenConfig& listen : edge_.listen) {
      if (const auto endpoint = listen.address.value.resolve(input_.node)) built_.listen.push_back(*endpoint);
    }
  }

  const BuildInput& input_;
  const EdgeConfig& edge_;
  ServerIds& ids_;
  Diagnostics& diagnostics_;
  Built built_;
};

}  // namespace

Snapshot Built::snapshot(std::uint64_t generation) const {
  return {settings, routes, pools, addresses, tiers, generation};
}

std::optional<Built> build(const BuildInput& input, ServerIds& ids, Diagnostics& diagnostics) {
  return Builder(input, ids, diagnostics).build();
}

}  // namespace edge
