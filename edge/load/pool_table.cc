// The field tables of pools; those of their servers are in server_table.cc.

#include <algorithm>
#include <string>

#include "edge/load/protect_table.h"
#include "edge/load/readers.h"
#include "edge/load/tables.h"

namespace edge {
namespace {

using namespace shared::load;
using std::chrono::hours;

const Table<HashConfig>& hash_table() {
  static const auto table =
      Table<HashConfig>("edge.pools.NAME.hash", "What requests are hashed by; the same server on every edge.")
          .field("by", &HashConfig::by, hash_key(),
                 "`client`, `path`, `{header: NAME}` or `{cookie: NAME}`; without the header or cookie the client "
                 "decides, of IPv6 its /64")
          .field("bounded_load", &HashConfig::bounded_load, optional_of(number(1.01, 100)),
                 "A server takes at most so many times its part of the requests in flight; what is over goes to the "
                 "key's next server");
  return table;
}

const Table<ResponseTimeConfig>& response_time_table() {
  static const auto table =
      Table<ResponseTimeConfig>("edge.pools.NAME.response_time", "How response times are remembered.")
          .field("half_life", &ResponseTimeConfig::half_life, duration(shared::milliseconds(10), hours(1)),
                 "After it an old time counts half; a server that is avoided is tried again as it fades")
          .field("error", &ResponseTimeConfig::error, duration(shared::milliseconds(1), hours(1)),
                 "What a failure or a 500, 502, 503 or 504 counts as, if it came sooner");
  return table;
}

// Who keeps sessions decides which options there are.
void check_session_store(const StickyConfig& sticky, const Node& node, Diagnostics& diagnostics) {
  const bool redis = sticky.store == StickyStore::redis;
  const auto unused = [&](std::initializer_list<std::string_view> keys, std::string_view why) {
    for (const std::string_view key : keys) {
      const Node* const found = node.find(key);
      if (found != nullptr) diagnostics.error(found->key_at, std::string(key) + " has no effect: " + std::string(why));
    }
  };
  if (!redis) return unused({"learn", "header", "ttl", "wait", "refresh", "remember"}, "it is for store: redis");
  unused({"cookie", "path", "domain", "same_site", "secure", "http_only", "max_age"},
         "with store: redis the servers set the cookie, and the edge none");
  if (sticky.learn.empty() == sticky.header.empty()) {
    diagnostics.error(node.at,
                      "store: redis needs either learn: NAME, of the cookie that the servers set for a "
                      "session, or header: NAME, of the field that they name it in");
  }
  if (sticky.refresh > sticky.ttl / 2) {
    diagnostics.error(node.at, "refresh: longer than half of ttl: a session in use would be forgotten");
  }
}

void check_sticky(const StickyConfig& sticky, const Node& node, Diagnostics& diagnostics) {
  check_session_store(sticky, node, diagnostics);
  if (sticky.same_site == SameSite::none && !sticky.secure) {
    diagnostics.error(node.at, "same_site: none without secure: browsers drop such a cookie");
  }
}

const Table<StickyConfig>& sticky_table() {
  static const auto table =
      Table<StickyConfig>("edge.pools.NAME.sticky",
                          "A session stays with its server; when that one cannot, another takes it over.")
          .field("store", &StickyConfig::store,
                 one_of<StickyStore>({{"cookie", StickyStore::cookie}, {"redis", StickyStore::redis}}),
                 "Who keeps which server a session has: `cookie`, the client in a cookie of the edge's; `redis`, the "
                 "region's `edge.redis`, of sessions that servers make. docs/sessions.md says which one when")
          .required("keys", &StickyConfig::keys, file_path(),
                    "Secret of all edges, 32 hex digits (`openssl rand -hex 16`): cookies are signed, and the names of "
                    "sessions in Redis hashed with it; more lines are older keys that are still understood")
          .field("learn", &StickyConfig::learn, cookie_name(),
                 "With `store: redis`: the cookie that servers set for a session, as `JSESSIONID`")
          .field("header", &StickyConfig::header, own_field(),
                 "In place of `learn`: a field that servers name a session in, and clients send back, as "
                 "`Mcp-Session-Id`")
          .field("ttl", &StickyConfig::ttl, duration(shared::seconds(1), hours(24 * 30)),
                 "With `store: redis`: a session that no request has used for so long is forgotten")
          .field("wait", &StickyConfig::wait, duration(shared::milliseconds(0), shared::seconds(1)),
                 "With `store: redis`: so long a request waits to hear of a session that this edge does not know; then "
                 "the session's hash decides")
          .field("refresh", &StickyConfig::refresh, duration(shared::milliseconds(250), hours(1)),
                 "With `store: redis`: what an edge knows of a session it asks for again after this time, which no "
                 "request waits for; so long it may not see that another edge has moved it")
          .field("remember", &StickyConfig::remember, integer<std::uint32_t>(64, 4'194'304),
                 "With `store: redis`: sessions that an edge knows at a time, of 16 octets each")
          .field("cookie", &StickyConfig::cookie, cookie_name(), "Its name; without it `MERIDIAN_` and the pool's")
          .field("path", &StickyConfig::path, cookie_text(), "Path attribute")
          .field("domain", &StickyConfig::domain, cookie_text(), "Domain attribute; empty: the host that was asked")
          .field("same_site", &StickyConfig::same_site,
                 one_of<SameSite>({{"lax", SameSite::lax}, {"strict", SameSite::strict}, {"none", SameSite::none}}),
                 "SameSite attribute")
          .field("secure", &StickyConfig::secure, boolean(), "Secure attribute; browsers then want https")
          .field("http_only", &StickyConfig::http_only, boolean(), "HttpOnly attribute")
          .field("max_age", &StickyConfig::max_age, optional_of(duration(shared::seconds(1), hours(24 * 400))),
                 "Max-Age attribute; none: until the browser closes")
          .field("draining", &StickyConfig::draining,
                 one_of<StickyDraining>({{"stay", StickyDraining::stay}, {"move", StickyDraining::move}}),
                 "What sessions do while their server drains; new ones go elsewhere in any case")
          .check(check_sticky)
          .position(&StickyConfig::at);
  return table;
}

void check_balance(const PoolConfig& pool, const Node& node, Diagnostics& diagnostics) {
  const auto unused = [&](std::string_view key, std::string_view why) {
    const Node* found = node.find(key);
    if (found != nullptr) diagnostics.error(found->key_at, std::string(key) + " has no effect: " + std::string(why));
  };
  if (!hashes(pool.balance)) unused("hash", "balance is neither ip_hash nor consistent_hash");
  if (pool.balance != Balance::least_time) unused("response_time", "balance is not least_time");
  if (pool.balance == Balance::ip_hash && pool.hash.by.kind != HashKey::Kind::client) {
    diagnostics.error(node.find("hash")->key_at, "hash: ip_hash goes by the client; use balance: consistent_hash");
  }
}

bool bounds_servers(const PoolConfig& pool) {
  const auto bounded = [&pool](const ServerConfig& server) {
    return server.max_in_flight.value_or(pool.max_in_flight) != 0;
  };
  if (std::ranges::any_of(pool.servers.everywhere, bounded)) return true;
  return std::ranges::any_of(pool.servers.regions,
                             [&](const auto& region) { return std::ranges::any_of(region.value, bounded); });
}

// Nobody waits and nobody is refused where nothing is ever full.
void check_overload(const PoolConfig& pool, const Node& node, Diagnostics& diagnostics) {
  if (bounds_servers(pool) || (pool.adaptive && pool.adaptive->mode == shared::Mode::enforce)) return;
  for (const std::string_view key : {"queue", "shed"}) {
    const Node* found = node.find(key);
    if (found == nullptr) continue;
    diagnostics.error(found->key_at, std::string(key) +
                                         " has no effect: no server is ever full; give the pool "
                                         "max_in_flight, or adaptive with mode: enforce");
  }
}

void check_protocol(const PoolConfig& pool, const Node& node, Diagnostics& diagnostics) {
  const Node* http2 = node.find("http2");
  if (http2 != nullptr && pool.protocol != ServerProtocol::h2) {
    diagnostics.error(http2->key_at, "http2 has no effect: protocol is not h2");
  }
  if (pool.proxy_protocol && pool.protocol == ServerProtocol::h2) {
    diagnostics.error(node.find("proxy_protocol")->key_at,
                      "proxy_protocol with protocol: h2: a connection carries the requests of many clients; take "
                      "X-Forwarded-For, or protocol: http1");
  }
}

void check_pool(const PoolConfig& pool, const Node& node, Diagnostics& diagnostics) {
  check_balance(pool, node, diagnostics);
  check_overload(pool, node, diagnostics);
  check_protocol(pool, node, diagnostics);
}

const Table<IdleSettings>& idle_table() {
  static const auto table =
      Table<IdleSettings>("edge.pools.NAME.idle", "Connections to servers that are kept between requests.")
          .field("connections", &IdleSettings::connections, integer<std::uint32_t>(0, 65535),
                 "At most so many to each server from each worker")
          .field("timeout", &IdleSettings::timeout, duration(shared::milliseconds(100), hours(1)),
                 "How long one may stay unused");
  return table;
}

const Table<ServerHttp2Config>& server_http2_table() {
  static const auto table =
      Table<ServerHttp2Config>("edge.pools.NAME.http2", "Connections to servers that speak HTTP/2.")
          .field("max_streams", &ServerHttp2Config::max_streams, integer<std::uint32_t>(1, 10000),
                 "Requests at a time on each connection; fewer where the server says so, and a further connection then")
          .field("stream_buffer", &ServerHttp2Config::stream_buffer, size(16 * 1024, 16 * 1024 * 1024),
                 "Octets of an answer that a server may send before its client has taken them")
          .field("ping", &ServerHttp2Config::ping, duration(shared::milliseconds(0), hours(1)),
                 "A server that sends nothing for so long while requests wait has to answer a PING; 0s: only when a "
                 "request has timed out. gRPC servers take one in five minutes");
  return table;
}

}  // namespace

const Table<PoolConfig>& pool_table() {
  static const auto table =
      Table<PoolConfig>("edge.pools.NAME", "Servers that can answer the same requests.")
          .required("servers", &PoolConfig::servers, server_lists(), "Who they are")
          .field("balance", &PoolConfig::balance,
                 one_of<Balance>({{"round_robin", Balance::round_robin},
                                  {"weighted_round_robin", Balance::weighted_round_robin},
                                  {"least_connections", Balance::least_connections},
                                  {"least_time", Balance::least_time},
                                  {"random_two", Balance::random_two},
                                  {"ip_hash", Balance::ip_hash},
                                  {"consistent_hash", Balance::consistent_hash}}),
                 "How a server is picked; docs/balancing.md says which one when")
          .field("hash", &PoolConfig::hash, nested(hash_table()), "For `ip_hash` and `consistent_hash`")
          .field("response_time", &PoolConfig::response_time, nested(response_time_table()), "For `least_time`")
          .field("sticky", &PoolConfig::sticky, optional_of(nested(sticky_table())),
                 "Sessions that stay with their server")
          .field("slow_start", &PoolConfig::slow_start, duration(shared::milliseconds(0), hours(1)),
                 "A server that came up grows to its weight in this time, from a sixteenth; 0s: at once")
          .field("absent", &PoolConfig::absent, absent(),
                 "What a region without servers does: fail with 503, or use another pool")
          .field("critical", &PoolConfig::critical, boolean(), "Without a server here the region is down for DNS")
          .field("health", &PoolConfig::health, health_checks(), "How each server is checked")
          .field("degraded_share", &PoolConfig::degraded_share, share_of(), "Of its weight, for a degraded server")
          .field("panic", &PoolConfig::panic, share_of(),
                 "When a smaller part of the servers is fit, all are used; 0%: never")
          .field("when_all_down", &PoolConfig::when_all_down,
                 one_of<WhenAllDown>({{"try", WhenAllDown::try_all}, {"refuse", WhenAllDown::refuse}}),
                 "What requests do while checks call every server down: try one all the same, or get 503; the DNS is "
                 "told that they are down in any case")
          .field("bad_statuses", &PoolConfig::bad_statuses, one_or_list(status_range()),
                 "Answers that speak against their server, for breaker and ejection")
          .field("ejection", &PoolConfig::ejection, optional_of(nested(ejection_table())), "By what requests say")
          .field("breaker", &PoolConfig::breaker, optional_of(nested(breaker_table())), "By failures in a row")
          .field("retry", &PoolConfig::retry, nested(retry_table()), "What failed, to another server")
          .field("max_in_flight", &PoolConfig::max_in_flight, integer<std::uint32_t>(0, 1'000'000),
                 "Requests at a time to each server that says nothing else, from this edge; 0: no bound")
          .field("queue", &PoolConfig::queue, optional_of(nested(queue_table())),
                 "Where requests wait while all servers are full; without it they get 503 at once")
          .field("shed", &PoolConfig::shed, optional_of(nested(shed_table())), "Tiers that give way first")
          .field("adaptive", &PoolConfig::adaptive, optional_of(nested(adaptive_table())),
                 "A bound for the whole pool that is found out")
          .field("autoscale", &PoolConfig::autoscale, optional_of(nested(autoscale_table())),
                 "How many servers it shall have")
          .field("idle", &PoolConfig::idle, nested(idle_table()), "Connections that are kept")
          .field("tls", &PoolConfig::tls, optional_of(nested(client_tls_table())),
                 "Servers are spoken to over TLS; `{}`: verified by the system's authorities")
          .field("protocol", &PoolConfig::protocol,
                 one_of<ServerProtocol>({{"http1", ServerProtocol::http1}, {"h2", ServerProtocol::h2}}),
                 "What its servers speak; `h2` is HTTP/2 with prior knowledge, as gRPC servers speak it")
          .field("http2", &PoolConfig::http2, nested(server_http2_table()), "With `protocol: h2`")
          .field("proxy_protocol", &PoolConfig::proxy_protocol,
                 optional_of(one_of<shared::ProxyVersion>(
                     {{"v1", shared::ProxyVersion::v1}, {"v2", shared::ProxyVersion::v2}})),
                 "Connections to the servers begin with a PROXY header about the client, those of checks with UNKNOWN "
                 "or LOCAL; one is kept only for the same client's next requests")
          .check(check_pool)
          .position(&PoolConfig::at);
  return table;
}

}  // namespace edge
