// The field tables of Redis.

#include "edge/load/readers.h"
#include "edge/load/tables.h"

namespace edge {
namespace {

using namespace shared::load;
using shared::milliseconds;

void check_sentinel(const SentinelConfig& sentinel, const Node& node, Diagnostics& diagnostics) {
  if (sentinel.servers.empty()) diagnostics.error(node.at, "servers: there must be at least one sentinel");
  if (!sentinel.user.empty() && sentinel.password_file.empty()) {
    diagnostics.error(node.at, "user without password_file");
  }
}

const Table<SentinelConfig>& sentinel_table() {
  static const auto table =
      Table<SentinelConfig>("edge.redis.sentinel", "Redis Sentinel, which says who the master is.")
          .required("name", &SentinelConfig::name, text(), "What the sentinels call the master")
          .required("servers", &SentinelConfig::servers, one_or_list(server_address()),
                    "The sentinels; the first that knows is believed")
          .field("user", &SentinelConfig::user, text(), "For AUTH at the sentinels")
          .field("password_file", &SentinelConfig::password_file, file_path(),
                 "File whose first line is their password; empty: none")
          .check(check_sentinel);
  return table;
}

void check_redis(const RedisConfig& redis, const Node& node, Diagnostics& diagnostics) {
  if (redis.servers.empty() && !redis.sentinel) {
    diagnostics.error(node.at, "redis: the key 'servers' is missing (or sentinel)");
  }
  if (!redis.servers.empty() && redis.sentinel) {
    diagnostics.error(node.at, "redis: servers or sentinel, not both: the sentinels say where the master is");
  }
  if (!redis.user.empty() && redis.password_file.empty()) diagnostics.error(node.at, "user without password_file");
  if (redis.lease < 2 * (redis.interval + redis.timeout)) {
    diagnostics.error(node.at, "lease: shorter than two intervals with their timeouts: one late answer would end it");
  }
}

}  // namespace

const Table<RedisConfig>& redis_table() {
  static const auto table =
      Table<RedisConfig>("edge.redis",
                         "A Redis server, 5 or later, that all edges of a region share. Asked from time to time, and "
                         "never while a request waits. See docs/limits.md.")
          .field("servers", &RedisConfig::servers, one_or_list(server_address()),
                 "HOST:PORT; of several the first is used that can be reached and takes writes")
          .field("sentinel", &RedisConfig::sentinel, optional_of(nested(sentinel_table())),
                 "In place of `servers`: who knows where the master is, also after a failover")
          .field("user", &RedisConfig::user, text(), "For AUTH; without it the default user's")
          .field("password_file", &RedisConfig::password_file, file_path(),
                 "File whose first line is the password, which others cannot read unless it begins with `# public`; "
                 "read again when it changes; empty: none")
          .field("database", &RedisConfig::database, integer<std::uint16_t>(0, 10'000), "Its number")
          .field("tls", &RedisConfig::tls, optional_of(nested(client_tls_table())),
                 "Redis and sentinels are spoken to over TLS; `{}`: verified by the system's authorities")
          .field("prefix", &RedisConfig::prefix, word(), "What all keys in Redis begin with")
          .field("timeout", &RedisConfig::timeout, duration(milliseconds(10), shared::seconds(10)),
                 "For a connection, and for an answer; then a new connection is made")
          .field("interval", &RedisConfig::interval, duration(milliseconds(20), shared::seconds(10)),
                 "From one question about a limit to the next: how fast shares of it follow what edges need")
          .field("lease", &RedisConfig::lease, duration(milliseconds(200), shared::seconds(60)),
                 "So long an edge goes on with its shares of a limit when Redis does not answer; then it has the rate "
                 "divided by the number of edges that were seen last")
          .check(check_redis)
          .position(&RedisConfig::at);
  return table;
}

}  // namespace edge
