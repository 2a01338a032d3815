#include "edge/load/build_pools.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <sstream>

#include "edge/load/protect_table.h"
#include "edge/load/readers.h"
#include "shared/core/ip.h"
#include "shared/load/certificates.h"
#include "shared/load/file.h"

namespace edge {
namespace {

using std::chrono::ceil;
using std::chrono::milliseconds;

constexpr std::size_t kMaxKeyFile = 64 * 1024;  // octets

std::optional<shared::SipKey> parse_sip_key(std::string_view line) {
  const auto words = parse_session_token(line);  // 32 hex digits, as a token has them
  if (!words) return std::nullopt;
  shared::SipKey key{};
  for (std::size_t i = 0; i < 8; ++i) {
    key[i] = static_cast<std::uint8_t>(words->high >> (56 - 8 * i));
    key[8 + i] = static_cast<std::uint8_t>(words->low >> (56 - 8 * i));
  }
  return key;
}

// One key a line, comments begin with '#'. Nothing when anything is wrong; the file's text is never shown.
std::vector<shared::SipKey> read_sip_keys(const StickyConfig& config, shared::load::Diagnostics& diagnostics) {
  const std::string path = config.keys.string();
  auto text = shared::load::read_file(config.keys, {.largest = kMaxKeyFile});
  if (!text) {
    diagnostics.error(config.at, "sticky: cannot read " + path + ": " + text.error().message +
                                     "; make it with: openssl rand -hex 16");
    return {};
  }
  if (shared::load::is_open_to_all(config.keys)) {
    diagnostics.warning(config.at, "sticky: everybody can read the keys in " + path + ": chmod o-rwx");
  }
  std::istringstream lines(std::move(*text));
  std::vector<shared::SipKey> keys;
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    const auto key = parse_sip_key(line);
    if (!key) {
      diagnostics.error(config.at, "sticky: " + path + ":" + std::to_string(number) +
                                       ": not 32 lower-case hex digits; make one with: openssl rand -hex 16");
      return {};
    }
    keys.push_back(*key);
  }
  if (keys.empty()) diagnostics.error(config.at, "sticky: " + path + " holds no key");
  return keys;
}

// Indexes of servers of one priority.
using Group = std::vector<std::uint16_t>;

std::vector<std::uint16_t> order_of(const std::vector<Server>& servers, const Group& group) {
  std::vector<std::uint16_t> weights;
  for (const std::uint16_t index : group) weights.push_back(servers[index].weight);
  Sequence sequence = make_sequence(weights);
  for (std::uint16_t& index : sequence.order) index = group[index];
  return std::move(sequence.order);
}

Compared compared(const std::vector<Server>& servers, const Group& group) {
  std::vector<Member> members;
  for (const std::uint16_t index : group) members.push_back({servers[index].id, index, servers[index].weight});
  return make_compared(std::move(members));
}

HashSlots hash_slots(const PoolConfig& config, std::string_view service, const std::vector<Server>& servers,
                     const Group& group) {
  std::vector<HashMember> members;
  for (const std::uint16_t index : group) members.push_back({servers[index].name, index, servers[index].weight});
  HashSlots slots = make_hash_slots(service, members);
  if (config.hash.bounded_load) {
    slots.bound_percent = static_cast<std::uint32_t>(std::lround(*config.hash.bounded_load * 100));
  }
  return slots;
}

Selector selector(const PoolConfig& config, std::string_view service, const std::vector<Server>& servers,
                  const Group& group) {
  switch (config.balance) {
    case Balance::least_connections:
      return LeastConnections{compared(servers, group)};
    case Balance::least_time:
      return LeastTime{compared(servers, group)};
    case Balance::random_two:
      return RandomTwo{order_of(servers, group), group};
    case Balance::ip_hash:
    case Balance::consistent_hash:
      return hash_slots(config, service, servers, group);
    case Balance::round_robin:
    case Balance::weighted_round_robin:
      break;
  }
  return Sequence{order_of(servers, group), group};
}

// The checks with the authorities that they trust. Where requests speak TLS, so do checks of the same port.
std::vector<HealthCheck> read_checks(const PoolConfig& config, const shared::load::Position& at,
                                     shared::load::Diagnostics& diagnostics) {
  std::vector<HealthCheck> checks = config.health;
  for (HealthCheck& check : checks) {
    if (config.tls && check.port == 0 && check.kind == HealthCheck::Kind::http) check.kind = HealthCheck::Kind::https;
    if (check.ca_file.empty()) continue;
    auto read = shared::load::read_certificates(check.ca_file);
    if (read) check.authorities = std::make_shared<const std::string>(std::move(*read));
    if (!read) diagnostics.error(at, "health: ca_file: " + read.error().message);
  }
  return checks;
}

void protect(Pool& pool, const PoolConfig& config) {
  pool.degraded_share = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(config.degraded_share * kFullShare));
  pool.panic = config.panic;
  pool.when_all_down = config.when_all_down;
  if (config.ejection) pool.ejection = *config.ejection;
  if (config.breaker) pool.breaker = *config.breaker;
  pool.retry = config.retry;
  if (config.queue) pool.queue = *config.queue;
  if (config.adaptive) pool.adaptive = *config.adaptive;
  pool.bad_statuses = config.bad_statuses;
}

// How busy a server says that it is, where that decides how many there shall be.
std::optional<NumberRule> told_number(const std::optional<ScaleSettings>& scale) {
  if (!scale || !scale->cpu) return std::nullopt;
  NumberRule rule;
  rule.name = scale->cpu_field;
  rule.path = path_of_number(rule.name);
  return rule;
}

class PoolBuilder {
 public:
  PoolBuilder(const EdgeConfig& edge, const PoolPlace& place, const PoolInputs& inputs, PoolRegistry& registry,
              shared::load::Diagnostics& diagnostics)
      : edge_(edge),
        place_(place),
        inputs_(inputs),
        registry_(registry),
        ids_(registry.ids),
        lease_(ids_.begin_build()),
        diagnostics_(diagnostics) {}

  PoolParts build() {
    std::vector<Pool> pools;
    for (const auto& [name, at, config] : edge_.pools) {
      Pool pool = settings(config);
      pool.id = pool.effective = static_cast<PoolId>(pools.size());
      pool.name = name;
      pool.checks = read_checks(config, at, diagnostics_);
      pool.tls = tls_of(name, config);
      if (const auto slot = ids_.slot_of(name)) {
        pool.slot = *slot;
        parts_.last_slot = std::max(parts_.last_slot, *slot);
      } else {
        used_up(at, "pools");
      }
      max_in_flight_ = config.max_in_flight;
      told_ = told_number(config.autoscale);
      if (const std::vector<ServerConfig>* servers = config.servers.in(place_.region)) add_servers(pool, *servers);
      add_selectors(pool, config);
      if (config.sticky) add_sessions(pool, *config.sticky);
      bound(pool, config);
      if (config.autoscale && config.servers.in(place_.region) != nullptr)
        parts_.scaling.emplace(name, *config.autoscale);
      pools.push_back(std::move(pool));
    }
    for (Pool& pool : pools) pool.effective = effective(pool.id);
    parts_.addresses = std::make_shared<const Addresses>(std::move(addresses_));
    if (!diagnostics_.failed()) registry_.tls = std::move(tls_);
    auto leased = std::make_shared<const Leased>(Leased{Pools(std::move(pools)), lease_});
    parts_.pools = std::shared_ptr<const Pools>(leased, &leased->pools);
    return std::move(parts_);
  }

 private:
  // As long as the pools live, their servers' ids are their own.
  struct Leased {
    Pools pools;
    std::shared_ptr<ServerIds::Lease> lease;
  };

  static Pool settings(const PoolConfig& config) {
    Pool pool;
    pool.critical = config.critical;
    protect(pool, config);
    pool.idle = config.idle;
    pool.protocol = config.protocol;
    pool.http2 = {.max_streams = config.http2.max_streams,
                  .stream_buffer = static_cast<std::uint32_t>(config.http2.stream_buffer),
                  .ping = ceil<milliseconds>(config.http2.ping)};
    pool.proxy_protocol = config.proxy_protocol;
    pool.slow_start = ceil<milliseconds>(config.slow_start);
    pool.hash_key = config.hash.by;
    pool.response_time = {ceil<milliseconds>(config.response_time.half_life),
                          ceil<milliseconds>(config.response_time.error)};
    return pool;
  }

  PoolTls tls_of(const std::string& name, const PoolConfig& config) {
    PoolTls tls;
    if (!config.tls) return tls;
    const auto before = registry_.tls.find(name);
    if (before != registry_.tls.end()) tls.client = before->second;
    if (tls.client == nullptr || inputs_.tls_files == PoolInputs::TlsFiles::read) {
      shared::ClientTls read =
          shared::load::read_client_tls(*config.tls, std::chrono::system_clock::now(), diagnostics_);
      if (tls.client == nullptr || *tls.client != read) {
        tls.client = std::make_shared<const shared::ClientTls>(std::move(read));
      }
    }
    tls.asks_for_requests_host = config.tls->server_name == shared::load::kRequestsHost;
    tls_.emplace(name, tls.client);
    return tls;
  }

  void used_up(const shared::load::Position& at, std::string_view what) {
    diagnostics_.error(at, "no room for more " + std::string(what) + " (" + std::to_string(Live::kMaxServers) +
                               " servers at a time, " + std::to_string(Live::kMaxPools) +
                               " different pools in a process's life)");
  }

  void add_servers(Pool& pool, const std::vector<ServerConfig>& servers) {
    // Who is written down is not found a second time, whatever the order.
    std::set<std::string> names;
    for (const ServerConfig& config : servers) names.insert(config.address);
    for (const ServerConfig& config : servers) {
      const auto source = config.source();
      if (source) {
        add_found(pool, config, *source, names);
      } else {
        HostAndPort split = split_address(config.address);
        add_server(
            pool,
            {config.address, std::move(split.host), split.port, config.weight, {}, rank(config, 0), bound_of(config)},
            {config.at, config.address, {}});
      }
    }
  }

  // The priority of the configuration, then that of the record.
  static std::uint32_t rank(const ServerConfig& config, std::uint16_t priority) {
    return std::uint32_t{config.priority} << 16U | priority;
  }

  [[nodiscard]] std::uint32_t bound_of(const ServerConfig& config) const {
    return config.max_in_flight.value_or(max_in_flight_);
  }

  // What the source names now. Two records of one server are one, of the better priority, which comes first.
  void add_found(Pool& pool, const ServerConfig& config, const ServerSource& source, std::set<std::string>& names) {
    pool.sources.push_back(source);
    parts_.sources.insert(source);
    const auto found = inputs_.found.find(source);
    if (found == inputs_.found.end()) return;
    const bool by_record = source.kind == ServerSource::Kind::srv;
    for (const FoundServer& one : found->second) {
      const auto literal = shared::IpAddress::parse(one.host);
      const std::string name =
          literal ? shared::Endpoint{*literal, one.port}.to_string() : one.host + ":" + std::to_string(one.port);
      if (!names.insert(name).second) continue;
      const std::uint16_t weight = by_record ? fitted_weight(one, found->second) : config.weight;
      add_server(pool, {name, one.host, one.port, weight, {}, rank(config, one.priority), bound_of(config)},
                 {config.at, by_record ? name : to_string(source), one.addresses});
    }
  }

  // RFC 2782 has weights up to 65535, and 0 for the least: the heaviest of a priority gets at most kMaxWeight.
  static std::uint16_t fitted_weight(const FoundServer& one, const std::vector<FoundServer>& all) {
    std::uint32_t heaviest = kMaxWeight;
    for (const FoundServer& other : all) {
      if (other.priority == one.priority) heaviest = std::max<std::uint32_t>(heaviest, other.weight);
    }
    const std::uint32_t fitted = (std::uint32_t{one.weight} * kMaxWeight + heaviest / 2) / heaviest;
    return static_cast<std::uint16_t>(std::max<std::uint32_t>(1, fitted));
  }

  struct Found {
    const shared::load::Position& at;
    std::string host;                              // that checks ask for
    std::span<const shared::IpAddress> addresses;  // of a found server; another's are told by its host
  };

  void add_server(Pool& pool, Server server, const Found& found) {
    const auto id = ids_.id_of(pool.name, server.name, *lease_);
    if (!id) return used_up(found.at, "servers");
    server.id = *id;
    const auto weight = inputs_.weights.find({pool.name, server.name});
    if (weight != inputs_.weights.end()) server.weight = weight->second;
    place_server(server, found.addresses);
    if (!pool.checks.empty()) {
      parts_.health_targets.push_back({server.id, pool.name, server.name, found.host, server.port, pool.degraded_share,
                                       pool.checks, pool.proxy_protocol, pool.tls.client, told_});
    }
    parts_.last_server = std::max(parts_.last_server.value_or(server.id), server.id);
    pool.servers.push_back(std::move(server));
  }

  void place_server(const Server& server, std::span<const shared::IpAddress> addresses) {
    if (const auto literal = shared::IpAddress::parse(server.host)) {
      addresses_.set(server.id, {shared::Endpoint{*literal, server.port}});
    } else if (addresses.empty()) {
      parts_.names.push_back({server.id, server.host, server.port});
    } else {
      std::vector<shared::Endpoint> endpoints;
      for (const shared::IpAddress& address : addresses) endpoints.push_back({address, server.port});
      addresses_.set(server.id, std::move(endpoints));
    }
  }

  void add_selectors(Pool& pool, const PoolConfig& config) const {
    std::map<std::uint32_t, Group> groups;
    for (std::size_t i = 0; i < pool.servers.size(); ++i) {
      groups[pool.servers[i].priority].push_back(static_cast<std::uint16_t>(i));
    }
    if (groups.empty()) pool.selector = selector(config, place_.service, pool.servers, {});
    for (const auto& [priority, group] : groups) {
      Selector made = selector(config, place_.service, pool.servers, group);
      if (priority == groups.begin()->first) {
        pool.selector = std::move(made);
      } else {
        pool.spares.push_back(std::move(made));
      }
    }
  }

  void bound(Pool& pool, const PoolConfig& config) const {
    pool.bounded = pool.adaptive.mode == shared::Mode::enforce ||
                   std::ranges::any_of(pool.servers, [](const Server& one) { return one.max_in_flight != 0; });
    if (!config.shed) return;
    pool.shed.mode = config.shed->mode;
    if (!edge_.tiers) return;
    for (const auto& tier : edge_.tiers->order) {
      const double* share = shared::load::find_named(config.shed->from, tier.value);
      pool.shed.from.push_back(share != nullptr ? *share : ShedSettings::kNever);
    }
  }

  void add_sessions(Pool& pool, const StickyConfig& config) {
    const std::vector<shared::SipKey> keys = read_sip_keys(config, diagnostics_);
    if (keys.empty()) return;
    if (config.store == StickyStore::redis) {
      pool.sticky.while_draining = config.draining == StickyDraining::stay;
      pool.sticky.learned = build_learned(config, pool, keys, place_.service, registry_.sessions);
      return;
    }
    StickySettings settings;
    settings.cookie = session_cookie(pool.name, config);
    settings.path = config.path;
    settings.domain = config.domain;
    settings.same_site = config.same_site;
    settings.secure = config.secure;
    settings.http_only = config.http_only;
    if (config.max_age) settings.max_age = ceil<std::chrono::seconds>(*config.max_age).count();
    settings.while_draining = config.draining == StickyDraining::stay;
    settings.keys = keys;
    std::vector<std::string_view> names;
    for (const Server& server : pool.servers) names.push_back(server.name);
    pool.sticky = make_sticky(settings, pool.name, names);
  }

  // Has the pool servers here?
  [[nodiscard]] bool present(PoolId id) const {
    return edge_.pools[static_cast<std::size_t>(id)].value.servers.in(place_.region) != nullptr;
  }

  // Follows `absent` to a pool with servers here; check_edge() has made sure that there is no ring.
  [[nodiscard]] PoolId effective(PoolId id) const {
    PoolId at = id;
    for (std::size_t step = 0; step < edge_.pools.size(); ++step) {
      const auto& absent = edge_.pools[static_cast<std::size_t>(at)].value.absent;
      if (present(at) || !absent) break;
      at = pool_id(edge_, absent->value).value_or(at);
    }
    return at;
  }

  const EdgeConfig& edge_;
  const PoolPlace& place_;
  const PoolInputs& inputs_;
  PoolRegistry& registry_;
  ServerIds& ids_;
  PoolTlsFiles tls_;
  std::shared_ptr<ServerIds::Lease> lease_;
  shared::load::Diagnostics& diagnostics_;
  Addresses addresses_;
  std::uint32_t max_in_flight_ = 0;  // of servers of the pool that is built, if they say nothing else
  std::optional<NumberRule> told_;   // that is kept of checks of the pool that is built
  PoolParts parts_;
};

}  // namespace

PoolParts build_pools(const EdgeConfig& edge, const PoolPlace& place, const PoolInputs& inputs, PoolRegistry& registry,
                      shared::load::Diagnostics& diagnostics) {
  return PoolBuilder(edge, place, inputs, registry, diagnostics).build();
}

std::optional<PoolId> pool_id(const EdgeConfig& edge, std::string_view name) {
  for (std::size_t i = 0; i < edge.pools.size(); ++i) {
    if (edge.pools[i].name == name) return static_cast<PoolId>(i);
  }
  return std::nullopt;
}

}  // namespace edge
