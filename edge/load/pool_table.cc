// The field tables of pools, their servers and their checks.

#include "edge/load/readers.h"
#include "edge/load/tables.h"

namespace edge {
namespace {

using namespace shared::load;
using std::chrono::hours;
using std::chrono::minutes;

constexpr std::uint16_t kMaxWeight = 256;

const Table<ServerConfig>& server_table() {
  static const auto table =
      Table<ServerConfig>("edge.pools.NAME.servers", "One server; `HOST:PORT` alone is a server of weight 1.")
          .required("address", &ServerConfig::address, server_address(),
                    "Address or name, and port; a name that does not resolve is down")
          .field("weight", &ServerConfig::weight, integer<std::uint16_t>(1, kMaxWeight),
                 "Share of the requests, for `weighted_round_robin`")
          .position(&ServerConfig::at);
  return table;
}

Reader<ServerConfig> server() {
  auto read = [](const Node& node, Diagnostics& diagnostics) -> std::optional<ServerConfig> {
    if (!node.is_scalar()) return server_table().read(node, diagnostics);
    auto address = server_address().read(node, diagnostics);
    if (!address) return std::nullopt;
    return ServerConfig{std::move(*address), 1, node.at};
  };
  return Reader<ServerConfig>{
      "server", read, [](const ServerConfig& value) { return value.address; }, {server_table().doc()}};
}

Reader<ServersConfig> servers() {
  auto read = [](const Node& node, Diagnostics& diagnostics) -> std::optional<ServersConfig> {
    ServersConfig config;
    config.by_region = node.is_map();
    if (config.by_region) {
      auto regions = map_of("region", list_of(server())).read(node, diagnostics);
      if (!regions) return std::nullopt;
      config.regions = std::move(*regions);
      return config;
    }
    auto list = list_of(server()).read(node, diagnostics);
    if (!list) return std::nullopt;
    config.everywhere = std::move(*list);
    return config;
  };
  return Reader<ServersConfig>{"list of servers for all regions, or map of region: list of servers",
                               read,
                               [](const ServersConfig&) { return std::string(); },
                               {server_table().doc()}};
}

void check_health(const HealthConfig& health, const Node& node, Diagnostics& diagnostics) {
  if (health.timeout > health.interval) {
    diagnostics.error(node.at, "health: timeout (" + print_duration(health.timeout) + ") is longer than interval (" +
                                   print_duration(health.interval) + "): checks would overlap");
  }
  if (health.kind == CheckKind::http) return;
  for (const std::string_view key : {"path", "host", "status"}) {
    const Node* unused = node.find(key);
    if (unused != nullptr) diagnostics.warning(unused->key_at, std::string(key) + " has no meaning for kind tcp");
  }
}

const Table<HealthConfig>& health_table() {
  static const auto table =
      Table<HealthConfig>("edge.pools.NAME.health",
                          "How each server is checked; without it a server is up as long as its name resolves.")
          .field("kind", &HealthConfig::kind, one_of<CheckKind>({{"http", CheckKind::http}, {"tcp", CheckKind::tcp}}),
                 "`http` wants a good status, `tcp` a connection")
          .field("path", &HealthConfig::path, request_path(), "What is asked for")
          .field("host", &HealthConfig::host, host_header(), "Host header; empty: the server's address")
          .field("status", &HealthConfig::status, status_range(), "Statuses that count as healthy")
          .field("interval", &HealthConfig::interval, duration(shared::milliseconds(50), hours(1)),
                 "Time from one check to the next")
          .field("timeout", &HealthConfig::timeout, duration(shared::milliseconds(10), minutes(1)),
                 "After it a check has failed; not longer than `interval`")
          .field("fall", &HealthConfig::fall, integer<std::uint16_t>(1, 100),
                 "Failures in a row that take a server down; a refused connection does at once")
          .field("rise", &HealthConfig::rise, integer<std::uint16_t>(1, 100), "Successes in a row that bring it up")
          .check(check_health);
  return table;
}

const Table<IdleConfig>& idle_table() {
  static const auto table =
      Table<IdleConfig>("edge.pools.NAME.idle", "Connections to servers that are kept between requests.")
          .field("connections", &IdleConfig::connections, integer<std::uint32_t>(0, 65535),
                 "At most so many to each server from each worker")
          .field("timeout", &IdleConfig::timeout, duration(shared::milliseconds(100), hours(1)),
                 "How long one may stay unused");
  return table;
}

}  // namespace

const std::vector<ServerConfig>* ServersConfig::in(std::string_view region) const {
  if (!by_region) return everywhere.empty() ? nullptr : &everywhere;
  const std::vector<ServerConfig>* list = find_named(regions, region);
  return list == nullptr || list->empty() ? nullptr : list;
}

const Table<PoolConfig>& pool_table() {
  static const auto table =
      Table<PoolConfig>("edge.pools.NAME", "Servers that can answer the same requests.")
          .required("servers", &PoolConfig::servers, servers(), "Who they are")
          .field("balance", &PoolConfig::balance,
                 one_of<Balance>(
                     {{"round_robin", Balance::round_robin}, {"weighted_round_robin", Balance::weighted_round_robin}}),
                 "How a server is picked")
          .field("absent", &PoolConfig::absent, absent(),
                 "What a region without servers does: fail with 503, or use another pool")
          .field("critical", &PoolConfig::critical, boolean(), "Without a server here the region is down for DNS")
          .field("health", &PoolConfig::health, optional_of(nested(health_table())), "How each server is checked")
          .field("idle", &PoolConfig::idle, nested(idle_table()), "Connections that are kept")
          .position(&PoolConfig::at);
  return table;
}

}  // namespace edge
