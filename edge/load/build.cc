#include "edge/load/build.h"

#include <algorithm>
#include <utility>

#include "edge/core/message/explain_fields.h"
#include "edge/load/build_content.h"
#include "edge/load/build_gates.h"
#include "edge/load/key_file.h"
#include "edge/load/readers.h"
#include "edge/load/redis_settings.h"
#include "edge/load/route_key.h"
#include "shared/core/hash.h"

namespace edge {
namespace {

// "User-Agent" is logged as user_agent.
AccessLogSettings access_log_settings(const EdgeConfig& edge) {
  AccessLogSettings settings;
  settings.probes = edge.access_log_probes;
  for (const std::string& name : edge.access_log_fields) {
    if (name == "query") {
      settings.query = true;
      continue;
    }
    AccessLogSettings::Field field{.name = name, .key = {}, .id = http::field_id(name)};
    for (const char c : name) {
      const bool upper = c >= 'A' && c <= 'Z';
      const bool plain = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
      field.key += upper ? static_cast<char>(c + 32) : plain ? c : '_';
    }
    settings.fields.push_back(std::move(field));
  }
  return settings;
}

using shared::load::NamedMap;
using std::chrono::ceil;
using std::chrono::milliseconds;

constexpr milliseconds kUdpIdle{30000};  // no FIN tells that a session is over

class Builder {
 public:
  Builder(const BuildInput& input, Registry& registry, Diagnostics& diagnostics)
      : input_(input), edge_(input.edge), registry_(registry), diagnostics_(diagnostics) {}

  std::optional<Built> build() {
    const std::size_t before = diagnostics_.errors();
    build_settings();
    build_tiers();
    built_.servers =
        build_pools(edge_, {input_.config.service, input_.region}, input_.inputs, registry_.pools, diagnostics_);
    build_limits();
    built_.redis = build_redis(edge_, diagnostics_);
    build_guards();
    build_routes();
    build_listen();
    built_.scaler = build_scaler(edge_.scaler, diagnostics_);
    build_tracing();
    if (diagnostics_.errors() > before) return std::nullopt;
    return std::move(built_);
  }

  // What is read from files of rules, in a world that stands.
  void build_rules(Built& built) {
    build_settings();
    build_tiers();
    build_limits();
    built.redis = build_redis(edge_, diagnostics_);
    build_tracing();
    build_guards();
    build_routes();
    built.settings = built_.settings;
    built.otlp = built_.otlp;
    built.tiers = built_.tiers;
    built.limits = built_.limits;
    built.access = built_.access;
    built.auth = built_.auth;
    built.routes = built_.routes;
  }

 private:
  void build_settings() {
    auto settings = std::make_shared<Settings>();
    settings->identity = {input_.config.service, input_.region, input_.node.to_string()};
    settings->trusted_proxies = PrefixSet(edge_.trusted_proxies);
    settings->explain_to = PrefixSet(edge_.explain_to);
    const ClientConfig& client = edge_.client;
    settings->head_limits = {static_cast<std::uint32_t>(client.max_head), static_cast<std::uint32_t>(client.max_target),
                             client.max_fields};
    settings->max_body = client.max_body;
    settings->max_per_client = client.max_per_client;
    settings->min_rate = client.min_rate;
    settings->timeouts = {ceil<milliseconds>(client.handshake_timeout),  ceil<milliseconds>(client.head_timeout),
                          ceil<milliseconds>(client.keep_alive_timeout), ceil<milliseconds>(client.body_timeout),
                          ceil<milliseconds>(client.send_timeout),       ceil<milliseconds>(client.linger)};
    settings->half_close = client.half_close;
    settings->drain_grace = ceil<milliseconds>(edge_.drain_grace);
    settings->http2 = {client.http2.prior_knowledge, client.http2.max_streams,
                       static_cast<std::uint32_t>(client.http2.max_buffer)};
    settings->answer_limits = {static_cast<std::uint32_t>(edge_.answer.max_head), http::HeadLimits{}.max_target,
                               edge_.answer.max_fields};
    settings->merge_slashes = edge_.merge_slashes;
    settings->via_requests = edge_.via != ViaConfig::none;
    settings->via_responses = edge_.via == ViaConfig::both;
    settings->client_subject_field = edge_.client_subject_field;
    if (edge_.trace) settings->trace_share = edge_.trace->sample / 100;
    if (edge_.trace && edge_.trace->otlp) settings->spans = {.told = true, .query = edge_.trace->otlp->query};
    settings->access_log = access_log_settings(edge_);
    settings->error_pages = build_error_pages(edge_.error_pages, {}, diagnostics_);
    settings->response_rules = response_rules(edge_.security_headers, plain_transports(), {&edge_.response_headers});
    built_.settings = std::move(settings);
  }

  void build_tracing() {
    if (edge_.trace && edge_.trace->otlp) built_.otlp = build_otlp(*edge_.trace->otlp, diagnostics_);
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

  void build_limits() {
    for (const auto& [name, at, config] : edge_.limits) {
      RateLimitSettings settings{.name = name,
                                 .mode = config.mode,
                                 .rate = config.rate.per_second,
                                 .burst = config.burst,
                                 .excess = config.excess,
                                 .key = config.key,
                                 .exempt = config.exempt,
                                 .keys = config.keys,
                                 .announce = config.announce,
                                 .scope = config.scope,
                                 .edges = edges_of_region()};
      std::shared_ptr<LimitLive> live = registry_.limits.of(settings, input_.key_seed);
      limits_.push_back(std::make_shared<const RateLimit>(std::move(settings), std::move(live), input_.key_seed));
      if (config.everywhere) everywhere_.push_back(limits_.back());
    }
    built_.limits = std::make_shared<const RateLimits>(limits_);
  }

  std::uint32_t edges_of_region() const {
    const shared::load::Region* region = shared::load::find_named(input_.config.regions, input_.region);
    return region == nullptr ? 1 : static_cast<std::uint32_t>(std::max<std::size_t>(1, region->edges.size()));
  }

  void build_guards() {
    built_.access = build_access(edge_, registry_.access, diagnostics_);
    built_.auth = build_auth({edge_, built_.tiers, input_.key_seed, registry_.auth}, diagnostics_);
  }

  RateLimits limits_of(const RouteConfig& config) const {
    RateLimits limits = everywhere_;
    for (const auto& name : config.limits) {
      if (auto limit = limit_named(name.value)) limits.push_back(std::move(limit));
    }
    return limits;
  }

  std::shared_ptr<const CacheRule> cache_rule(const RouteCacheConfig& config, std::string_view pool) const {
    auto rule = std::make_shared<CacheRule>();
    const auto store =
        std::ranges::find_if(edge_.caches, [&](const auto& one) { return one.name == config.store.value; });
    rule->store = static_cast<std::uint16_t>(store - edge_.caches.begin());
    rule->ttl = config.ttl;
    rule->key = config.key;
    rule->heuristic = config.heuristic;
    rule->stale_while_revalidate = config.stale_while_revalidate;
    rule->stale_if_error = config.stale_if_error;
    rule->set_cookie = config.set_cookie;
    rule->request_directives = config.request_directives;
    rule->status_field = config.status_field;
    rule->max_object = config.max_object;
    rule->max_variants = config.max_variants;
    rule->hit_for_miss = config.hit_for_miss;
    const auto at = std::ranges::find_if(edge_.pools, [&](const auto& one) { return one.name == pool; });
    if (at != edge_.pools.end() && at->value.sticky) rule->session_field = at->value.sticky->header;
    return rule;
  }

  std::shared_ptr<const MirrorRule> mirror_rule(const std::string& route, const MirrorConfig& config) {
    auto rule = std::make_shared<MirrorRule>();
    rule->pool = pool_id(edge_, config.pool.value).value_or(PoolId{});
    rule->share = config.share / 100;
    rule->max_body = config.max_body;
    rule->max_in_flight = config.max_in_flight;
    rule->timeout = ceil<milliseconds>(config.timeout);
    std::shared_ptr<MirrorLive>& live = registry_.mirrors[route];
    if (live == nullptr) live = std::make_shared<MirrorLive>();
    rule->live = live;
    return rule;
  }

  void build_routes() {
    std::vector<Route> routes;
    for (const RouteConfig& config : edge_.routes) routes.push_back(route(config));
    const std::uint64_t seed = shared::hash_text(0, input_.config.service);
    built_.routes = std::make_shared<const RouteTable>(std::move(routes), seed);
  }

  Route route(const RouteConfig& config) {
    Route route;
    route.name = route_name(config);
    route.host = config.host;
    route.path = config.path;
    route.conditions = conditions(config);
    if (config.pool) route.action = pool_id(edge_, config.pool->value).value_or(PoolId{});
    if (config.respond) route.action = *config.respond;
    if (config.redirect) route.action = *config.redirect;
    if (config.files) route.action = build_files(config, mime_types(), diagnostics_);
    route.compression = build_compression(edge_.compression, config.compression);
    route.early_hints = config.early_hints;
    route.learn_early_hints = config.learn_early_hints;
    if (config.allow) route.allow = PrefixSet(*config.allow);
    route.limits = limits_of(config);
    if (config.cache && config.pool) route.cache = cache_rule(*config.cache, config.pool->value);
    if (config.mirror && config.pool) route.mirror = mirror_rule(route.name, *config.mirror);
    route.timeouts = timeouts(config.timeout);
    route.request_rules = request_rules(config);
    route.response_rules = response_rules(config.security_headers.value_or(edge_.security_headers), transports(),
                                          {&edge_.response_headers, &config.response_headers});
    if (!config.error_pages.empty() || !edge_.error_pages.empty()) {
      route.error_pages =
          std::make_shared<const ErrorPages>(build_error_pages(config.error_pages, edge_.error_pages, diagnostics_));
    }
    route.gate = build_gate(config, {edge_, *built_.access, *built_.auth, route.response_rules});
    return route;
  }

  // Read once, by the first route that wants it.
  std::shared_ptr<const MimeTypes> mime_types() {
    if (mime_types_ == nullptr) mime_types_ = read_mime_types("/etc/mime.types");
    return mime_types_;
  }

  // Fields that say who asks come from the edge alone, whatever the route.
  HeaderRules request_rules(const RouteConfig& config) const {
    HeaderRules made;
    if (!edge_.explain_to.empty()) {
      made.apply({.op = HeaderRule::Op::remove, .name = std::string(kExplainField), .value = {}});
    }
    for (const auto& policy : *built_.auth) {
      for (const std::string& name : policy->own_fields()) {
        made.apply({.op = HeaderRule::Op::remove, .name = name, .value = {}});
      }
    }
    for (const HeaderRulesConfig* layer : {&edge_.request_headers, &config.request_headers}) {
      for (const HeaderRule& rule : layer->rules) made.apply(rule);
    }
    return made;
  }

  Conditions conditions(const RouteConfig& config) const {
    Conditions conditions;
    for (const auto& tier : config.tiers) {
      if (const auto id = built_.tiers->find(tier.value)) conditions.tiers |= 1U << static_cast<unsigned>(*id);
    }
    for (const http::Method method : config.methods) conditions.methods |= 1U << static_cast<unsigned>(method);
    conditions.headers = config.headers;
    conditions.cookies = config.cookies;
    if (config.share) conditions.share = *config.share / 100;
    conditions.share_cookie = config.share_cookie;
    return conditions;
  }

  Timeouts timeouts(const TimeoutConfig& own) const {
    const Timeouts defaults;
    const auto choose = [](const auto& first, const auto& second, milliseconds fallback) {
      return first ? ceil<milliseconds>(*first) : second ? ceil<milliseconds>(*second) : fallback;
    };
    return {choose(own.connect, edge_.timeout.connect, defaults.connect),
            choose(own.send, edge_.timeout.send, defaults.send),
            choose(own.read, edge_.timeout.read, defaults.read),
            choose(own.try_time, edge_.timeout.try_time, defaults.try_time),
            choose(own.total, edge_.timeout.total, defaults.total),
            choose(own.tunnel, edge_.timeout.tunnel, defaults.tunnel)};
  }

  // Strict-Transport-Security is for who is never to come without TLS.
  [[nodiscard]] Transports transports() const {
    const auto leads_there = [](const ListenConfig& listen) {
      const bool web = listen.protocol == Protocol::http || listen.protocol == Protocol::https;
      return !web || listen.protocol == Protocol::https || listen.redirect_to_https;
    };
    const bool speaks = std::ranges::any_of(edge_.listen, [](const auto& l) { return l.protocol == Protocol::https; });
    return speaks && std::ranges::all_of(edge_.listen, leads_there) ? Transports::tls_only : Transports::plain_too;
  }

  // Of answers that no route stands behind: a listener that leads to https refuses what is malformed itself, in plain
  // text, where the field is not to be sent (RFC 6797 7.2).
  [[nodiscard]] Transports plain_transports() const {
    const bool plain = std::ranges::any_of(edge_.listen, [](const auto& l) { return l.protocol == Protocol::http; });
    return plain ? Transports::plain_too : transports();
  }

  HeaderRules response_rules(SecurityHeaders set, Transports transports,
                             std::initializer_list<const HeaderRulesConfig*> layers) const {
    HeaderRules made;
    add_security_headers(set, transports, made);
    for (const HeaderRulesConfig* layer : layers) {
      for (const HeaderRule& rule : layer->rules) made.apply(rule);
    }
    return made;
  }

  void build_listen() {
    PoolListeners listeners;
    for (const ListenConfig& listen : edge_.listen) {
      const auto endpoint = listen.address.value.resolve(input_.node);
      if (endpoint) built_.listen.push_back(plan(listen, *endpoint, listeners.size()));
      listeners.push_back(endpoint ? pool_listener(listen, *endpoint) : PoolListener{});
    }
    read_tls(edge_, built_, diagnostics_);
    built_.listeners = std::make_shared<const PoolListeners>(std::move(listeners));
  }

  static ListenPlan plan(const ListenConfig& config, const shared::Endpoint& where, std::size_t index) {
    ListenPlan plan{.where = where, .protocol = config.protocol, .index = index, .introductions = {}};
    plan.tls = !config.certificates.empty();
    if (config.redirect_to_https) plan.https_port = config.https_port;
    if (const auto& from = config.proxy_protocol) {
      plan.introductions = {
          .from = PrefixSet(from->from), .others = from->others, .timeout = ceil<milliseconds>(from->timeout)};
    }
    return plan;
  }

  [[nodiscard]] std::shared_ptr<const RateLimit> limit_named(std::string_view name) const {
    const auto limit = std::ranges::find_if(limits_, [&](const auto& l) { return l->settings().name == name; });
    return limit != limits_.end() ? *limit : nullptr;
  }

  std::shared_ptr<const ConnectionBound> bound_of(const std::string& listener, const ConnectionBoundConfig& config) {
    std::shared_ptr<ConnectionCounts>& counts = registry_.connections[listener];
    if (counts == nullptr) counts = std::make_shared<ConnectionCounts>(input_.key_seed);
    return std::make_shared<const ConnectionBound>(ConnectionBound{config.most, config.mode, counts});
  }

  PoolListener pool_listener(const ListenConfig& config, const shared::Endpoint& where) {
    PoolListener listener;
    if (config.protocol != Protocol::tcp && config.protocol != Protocol::udp) return listener;
    const bool udp = config.protocol == Protocol::udp;
    listener.name = (udp ? "udp:" : "tcp:") + where.to_string();
    if (config.pool) listener.pool = pool_id(edge_, config.pool->value);
    for (const SniConfig& rule : config.sni) {
      const auto pool = pool_id(edge_, rule.pool.value);
      for (const auto& name : rule.names) listener.sni.add(name.value, pool.value_or(PoolId{}));
    }
    if (config.allow) listener.allow = PrefixSet(*config.allow);
    listener.connect = ceil<milliseconds>(config.timeout.connect);
    if (udp) listener.idle = kUdpIdle;
    if (config.timeout.idle) listener.idle = ceil<milliseconds>(*config.timeout.idle);
    listener.max_sessions = config.max_sessions;
    for (const auto& name : config.limits) {
      if (auto limit = limit_named(name.value)) listener.limits.push_back(std::move(limit));
    }
    if (config.per_client) listener.bound = bound_of(listener.name, *config.per_client);
    return listener;
  }

  const BuildInput& input_;
  const EdgeConfig& edge_;
  Registry& registry_;
  Diagnostics& diagnostics_;
  RateLimits limits_;
  RateLimits everywhere_;
  std::shared_ptr<const MimeTypes> mime_types_;
  Built built_;
};

}  // namespace

void read_tls(const EdgeConfig& edge, Built& built, shared::load::Diagnostics& diagnostics) {
  built.tls.clear();
  for (const ListenPlan& plan : built.listen) {
    if (!plan.tls) continue;
    const ListenConfig& listen = edge.listen[plan.index];
    TlsPlan made{.index = plan.index, .hosts = {}, .strict_names = listen.strict_sni, .alpn = {}};
    made.hosts = shared::load::read_tls_hosts(listen.certificates, std::chrono::system_clock::now(), diagnostics);
    if (plan.protocol == Protocol::https) made.alpn = {"h2", "http/1.1"};
    built.tls.push_back(std::move(made));
  }
  built.ticket_keys.clear();
  if (edge.ticket_keys) built.ticket_keys = shared::load::read_ticket_keys(*edge.ticket_keys, diagnostics);
}

Snapshot Built::snapshot(std::uint64_t generation) const {
  return {settings, routes, servers.pools, servers.addresses, tiers, listeners, limits, access, auth, generation};
}

void read_rules(const BuildInput& input, Registry& registry, Built& built, Diagnostics& diagnostics) {
  Builder(input, registry, diagnostics).build_rules(built);
}

std::optional<Built> build(const BuildInput& input, Registry& registry, Diagnostics& diagnostics) {
  return Builder(input, registry, diagnostics).build();
}

}  // namespace edge
