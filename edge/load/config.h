#pragma once
// EdgeConfig: the `edge` section as it is written, read by field tables that are the only definition of its options.
// What needs more than one map (unknown names, routes that nothing reaches) is checked by check.h; build.h makes the
// snapshot's parts. Value types; made by start, reload and `meridian check`, immutable after.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "edge/core/access/access_list.h"
#include "edge/core/content/compression.h"
#include "edge/core/content/static_files.h"
#include "edge/core/message/header_rules.h"
#include "edge/core/message/introduction.h"
#include "edge/core/message/security_headers.h"
#include "edge/core/pool/learned_sessions.h"
#include "edge/core/pool/pool.h"
#include "edge/core/protect/rate_limit.h"
#include "edge/core/route/gate.h"
#include "edge/core/route/mirror_rule.h"
#include "edge/core/route/route.h"
#include "edge/core/scale/scale_settings.h"
#include "edge/core/snapshot/listen_plan.h"
#include "edge/core/snapshot/snapshot.h"
#include "edge/load/otlp.h"
#include "edge/load/redis_settings.h"
#include "edge/load/scaler.h"
#include "shared/core/ip.h"
#include "shared/core/time.h"
#include "shared/http/head.h"
#include "shared/load/client_tls.h"
#include "shared/load/config.h"
#include "shared/load/table.h"
#include "shared/load/tls_hosts.h"

namespace edge {

// Of a listener whose clients speak TLS that is passed on.
struct SniConfig {
  std::vector<shared::load::Located<std::string>> names;
  shared::load::Located<std::string> pool;
};

struct ListenTimeoutConfig {
  shared::Duration connect = PoolListener{}.connect;
  std::optional<shared::Duration> idle;
};

// Whose connections begin with a PROXY header.
struct ProxyProtocolConfig {
  std::vector<shared::Prefix> from;
  IntroductionRules::Others others = IntroductionRules{}.others;
  shared::Duration timeout = IntroductionRules{}.timeout;
};

// How many connections a client may have at a listener of a pool; see ConnectionBound.
struct ConnectionBoundConfig {
  std::uint32_t most = 0;
  shared::Mode mode = shared::Mode::enforce;
};

struct ListenConfig {
  shared::load::Located<shared::load::ListenAddress> address;
  Protocol protocol = Protocol::http;
  std::optional<ProxyProtocolConfig> proxy_protocol;
  std::vector<shared::load::CertificateConfig> certificates;  // of https and tcp
  bool strict_sni = false;                                    // of https and tcp
  bool redirect_to_https = false;                             // of http
  std::uint16_t https_port = 443;                             // of http: where it redirects to
  // The rest is of tcp and udp.
  std::optional<shared::load::Located<std::string>> pool;
  std::vector<SniConfig> sni;
  std::optional<std::vector<shared::Prefix>> allow;
  ListenTimeoutConfig timeout;
  std::uint32_t max_sessions = PoolListener{}.max_sessions;
  std::vector<shared::load::Located<std::string>> limits;  // of tcp
  std::optional<ConnectionBoundConfig> per_client;         // of tcp
};

struct TierSourceConfig {
  TierSource source = TierSource::api_key;
  std::filesystem::path keys;  // of api_key
  std::string header;          // of header
  shared::load::Position at;
};

struct TiersConfig {
  std::vector<shared::load::Located<std::string>> order;
  std::optional<shared::load::Located<std::string>> fallback;  // `default`; else the first of the order
  std::vector<TierSourceConfig> from;
  shared::load::Position at;
};

enum class Balance : std::uint8_t {
  round_robin,
  weighted_round_robin,
  least_connections,
  least_time,
  random_two,
  ip_hash,
  consistent_hash,
};
[[nodiscard]] constexpr bool hashes(Balance balance) {
  return balance == Balance::ip_hash || balance == Balance::consistent_hash;
}

struct HashConfig {
  HashKey by;
  std::optional<double> bounded_load;
};

struct ResponseTimeConfig {
  shared::Duration half_life = ResponseTimeRules{}.half_life;
  shared::Duration error = ResponseTimeRules{}.error;
};

enum class StickyDraining : std::uint8_t { stay, move };

enum class StickyStore : std::uint8_t {
  cookie,  // the client keeps who its server is, in a cookie of ours
  redis,   // the region's Redis keeps who has which of the servers' own sessions
};

struct StickyConfig {
  StickyStore store = StickyStore::cookie;
  // With redis; either learn or header.
  std::string learn;   // a cookie that servers set
  std::string header;  // a field of theirs that clients send back
  shared::Duration ttl = shared::seconds(3600);
  shared::Duration wait = shared::milliseconds(50);
  shared::Duration refresh = shared::seconds(10);
  std::uint32_t remember = 131072;
  // With cookie, but for keys and draining.
  std::string cookie;  // empty: session_cookie() makes it of the pool's name
  std::filesystem::path keys;
  std::string path = StickySettings{}.path;
  std::string domain;
  SameSite same_site = StickySettings{}.same_site;
  bool secure = StickySettings{}.secure;
  bool http_only = StickySettings{}.http_only;
  std::optional<shared::Duration> max_age;
  StickyDraining draining = StickySettings{}.while_draining ? StickyDraining::stay : StickyDraining::move;
  shared::load::Position at;
};

// The cookie's name: two pools of one host must not take each other's sessions for theirs.
[[nodiscard]] std::string session_cookie(std::string_view pool, const StickyConfig& config);

// One server, or a name that stands for servers: exactly one of `address`, `dns` and `srv` is not empty.
struct ServerConfig {
  std::string address;     // "10.0.1.10:8080", "checkout.internal:8080"
  std::string dns;         // "backend.internal"
  std::uint16_t port = 0;  // of dns
  std::string srv;         // "_http._tcp.backend.internal"
  std::uint16_t weight = 1;
  std::uint16_t priority = 0;
  std::optional<std::uint32_t> max_in_flight;
  shared::load::Position at;

  [[nodiscard]] std::optional<ServerSource> source() const;
  [[nodiscard]] std::string name() const;
};

// One list for every region, or a list for each.
struct ServersConfig {
  bool by_region = false;
  std::vector<ServerConfig> everywhere;
  shared::load::NamedMap<std::vector<ServerConfig>> regions;

  [[nodiscard]] const std::vector<ServerConfig>* in(std::string_view region) const;  // null: none there
};

// The tiers are those of `edge.tiers`.
struct ShedConfig {
  shared::Mode mode = shared::Mode::enforce;
  shared::load::NamedMap<double> from;
  shared::load::Position at;
};

// Of servers that speak HTTP/2.
struct ServerHttp2Config {
  std::uint32_t max_streams = ServerHttp2{}.max_streams;
  std::uint64_t stream_buffer = ServerHttp2{}.stream_buffer;
  shared::Duration ping = ServerHttp2{}.ping;
};

struct PoolConfig {
  Balance balance = Balance::round_robin;
  ServersConfig servers;
  std::optional<shared::load::Located<std::string>> absent;  // another pool; none is `fail`
  bool critical = Pool{}.critical;
  std::vector<HealthCheck> health;
  double degraded_share = static_cast<double>(Pool{}.degraded_share) / kFullShare;
  double panic = Pool{}.panic;
  WhenAllDown when_all_down = Pool{}.when_all_down;
  std::optional<EjectionSettings> ejection;
  std::optional<BreakerSettings> breaker;
  RetrySettings retry;
  std::uint32_t max_in_flight = Server{}.max_in_flight;  // of each server that has no own
  std::optional<QueueSettings> queue;
  std::optional<ShedConfig> shed;
  std::optional<AdaptiveSettings> adaptive;
  std::optional<ScaleSettings> autoscale;
  std::vector<StatusRange> bad_statuses = Pool{}.bad_statuses;
  IdleSettings idle;
  std::optional<shared::load::ClientTlsConfig> tls;
  ServerProtocol protocol = Pool{}.protocol;
  ServerHttp2Config http2;
  std::optional<shared::ProxyVersion> proxy_protocol;
  HashConfig hash;
  ResponseTimeConfig response_time;
  shared::Duration slow_start = Pool{}.slow_start;
  std::optional<StickyConfig> sticky;
  shared::load::Position at;
};

struct TimeoutConfig {
  std::optional<shared::Duration> connect;
  std::optional<shared::Duration> send;
  std::optional<shared::Duration> read;
  std::optional<shared::Duration> try_time;
  std::optional<shared::Duration> total;
  std::optional<shared::Duration> tunnel;
};

// In the order in which they apply: remove, set, add.
struct HeaderRulesConfig {
  std::vector<HeaderRule> rules;
};

// Of requests; see RateLimit.
struct LimitConfig {
  shared::load::Rate rate;
  std::uint32_t burst = RateLimitSettings{}.burst;
  Excess excess = RateLimitSettings{}.excess;
  std::vector<LimitKeyPart> key = RateLimitSettings{}.key;
  shared::Mode mode = RateLimitSettings{}.mode;
  std::vector<shared::Prefix> exempt;
  bool everywhere = false;
  bool announce = RateLimitSettings{}.announce;
  std::uint32_t keys = RateLimitSettings{}.keys;
  LimitScope scope = RateLimitSettings{}.scope;
};

// Who is asked which server is the master.
struct SentinelConfig {
  std::string name;
  std::vector<std::string> servers;
  std::string user;
  std::filesystem::path password_file;  // empty: none
};

// What edges of a region share; see RedisSettings. Either servers or sentinel.
struct RedisConfig {
  std::vector<std::string> servers;
  std::optional<SentinelConfig> sentinel;
  std::string user;
  std::filesystem::path password_file;  // empty: none
  std::uint16_t database = 0;
  std::optional<shared::load::ClientTlsConfig> tls;
  std::string prefix = RedisSettings{}.prefix;
  shared::Duration timeout = RedisSettings{}.timeout;
  shared::Duration interval = RedisSettings{}.interval;
  shared::Duration lease = RedisSettings{}.lease;
  shared::load::Position at;
};

struct FilesConfig {
  shared::load::Located<std::filesystem::path> root;
  std::vector<std::string> index{"index.html"};
  std::string fallback;  // empty: none
  std::vector<Coding> precompressed;
  bool symlinks = StaticFiles{}.symlinks;
  bool dotfiles = StaticFiles{}.dotfiles;
  bool listing = StaticFiles{}.listing;
  bool strip_path = true;
  std::string cache_control;  // empty: none
  shared::load::NamedMap<std::string> cache_control_by_ending;
};

// What is not said is as for all routes, else as Compression has it.
struct CompressionConfig {
  std::optional<bool> enabled;
  std::optional<std::vector<Coding>> codings;
  std::optional<std::vector<std::string>> types;
  std::optional<std::uint64_t> min_size;
  std::optional<std::uint16_t> gzip_level;
  std::optional<std::uint16_t> br_level;
  std::optional<std::uint16_t> zstd_level;
};

// A store of responses.
struct CacheStoreConfig {
  std::uint64_t size = std::uint64_t{256} << 20U;
  shared::load::Located<std::filesystem::path> disk;  // a directory; empty: in memory
  std::uint64_t memory = std::uint64_t{256} << 20U;   // of a store on disk
};

// What of a route's responses is stored; see CacheRule.
struct RouteCacheConfig {
  shared::load::Located<std::string> store;
  std::vector<StatusTtl> ttl;
  std::vector<CacheKeyPart> key;
  bool heuristic = CacheRule{}.heuristic;
  Delta stale_while_revalidate = CacheRule{}.stale_while_revalidate;
  Delta stale_if_error = CacheRule{}.stale_if_error;
  CookiePolicy set_cookie = CacheRule{}.set_cookie;
  bool request_directives = CacheRule{}.request_directives;
  bool status_field = CacheRule{}.status_field;
  std::uint64_t max_object = CacheRule{}.max_object;
  std::uint16_t max_variants = CacheRule{}.max_variants;
  Delta hit_for_miss = CacheRule{}.hit_for_miss;
  shared::load::Position at;
};

// One entry of an access list: exactly one of the two.
struct AccessEntryConfig {
  std::optional<shared::Prefix> prefix;
  shared::load::Located<std::filesystem::path> file;
  shared::load::Located<std::string> country;
};

// Who may come; see AccessList.
struct AccessConfig {
  std::vector<AccessEntryConfig> allow;
  std::vector<AccessEntryConfig> deny;
  shared::Mode mode = AccessSettings{}.mode;
  bool everywhere = false;
  std::vector<shared::load::Located<std::string>> hosts;
  shared::load::Position at;
};

// Either from and to, or strip and add.
struct RewriteConfig {
  std::string from;
  std::string to;
  std::string strip;
  std::string add;

  [[nodiscard]] shared::Result<PathRule> rule() const;
};

// In the order in which they apply: remove, set, add.
struct QueryRulesConfig {
  std::vector<QueryRule> rules;
};

struct MaintenanceConfig {
  std::vector<shared::Prefix> bypass;
  shared::Duration retry_after = Maintenance{}.retry_after;
  shared::Mode mode = Maintenance{}.mode;
};

struct ErrorPageConfig {
  std::vector<StatusRange> statuses;
  shared::load::Located<std::filesystem::path> file;
  std::string content_type = "text/html; charset=utf-8";
  bool for_servers = false;
};

struct JwtConfig {
  shared::load::Located<std::filesystem::path> keys;
  std::string issuer;
  std::vector<std::string> audiences;
  shared::Duration leeway = JwtRules{}.leeway;
  std::vector<ClaimField> fields;
  std::string tier;
};

// How clients show who they are; exactly one of the first three.
struct AuthConfig {
  shared::load::Located<std::filesystem::path> passwords;
  shared::load::Located<std::filesystem::path> api_keys;
  std::optional<JwtConfig> jwt;
  std::string realm;
  std::string user_field;
  shared::Mode mode = AuthSettings{}.mode;
  shared::load::Position at;
};

struct CorsConfig {
  std::vector<std::string> origins;
  std::vector<http::Method> methods{http::Method::get, http::Method::head, http::Method::post};
  std::vector<std::string> headers;
  std::vector<std::string> expose;
  bool credentials = CorsSettings{}.credentials;
  shared::Duration max_age = CorsSettings{}.max_age;
};

// Who gets copies of a route's requests; see MirrorRule.
struct MirrorConfig {
  shared::load::Located<std::string> pool;
  double share = 100;  // percent
  std::uint64_t max_body = MirrorRule{}.max_body;
  std::uint32_t max_in_flight = MirrorRule{}.max_in_flight;
  shared::Duration timeout = MirrorRule{}.timeout;
};

struct TraceConfig {
  double sample = 1;  // percent
  std::optional<OtlpConfig> otlp;
};

struct RouteConfig {
  std::string name;
  std::string host;
  std::string path = "/";
  std::vector<shared::load::Located<std::string>> tiers;
  std::vector<http::Method> methods;
  std::vector<NamedCondition> headers;
  std::vector<NamedCondition> cookies;
  std::optional<double> share;  // percent
  std::string share_cookie;
  std::optional<shared::load::Located<std::string>> pool;
  std::optional<Respond> respond;
  std::optional<Redirect> redirect;
  std::optional<FilesConfig> files;
  std::optional<CompressionConfig> compression;
  std::vector<std::string> early_hints;  // values of Link
  bool learn_early_hints = false;
  std::optional<std::vector<shared::Prefix>> allow;
  std::vector<shared::load::Located<std::string>> access;
  std::vector<shared::load::Located<std::string>> auth;
  std::optional<CorsConfig> cors;
  std::optional<MaintenanceConfig> maintenance;
  std::optional<std::uint64_t> max_body;
  std::vector<RewriteConfig> rewrite;
  QueryRulesConfig query;
  std::optional<SecurityHeaders> security_headers;
  std::vector<ErrorPageConfig> error_pages;
  std::vector<shared::load::Located<std::string>> limits;
  std::optional<RouteCacheConfig> cache;
  std::optional<MirrorConfig> mirror;
  TimeoutConfig timeout;
  HeaderRulesConfig request_headers;
  HeaderRulesConfig response_headers;
  shared::load::Position at;
};

struct Http2Config {
  bool prior_knowledge = Http2Settings{}.prior_knowledge;
  std::uint32_t max_streams = Http2Settings{}.max_streams;
  std::uint64_t max_buffer = Http2Settings{}.max_buffer;
};

// What is taken from clients.
struct ClientConfig {
  std::uint64_t max_head = http::HeadLimits{}.max_head;
  std::uint64_t max_target = http::HeadLimits{}.max_target;
  std::uint16_t max_fields = http::HeadLimits{}.max_fields;
  std::uint64_t max_body = Settings{}.max_body;
  std::uint32_t max_connections = ProcessLimits{}.max_connections;
  std::uint32_t max_per_client = Settings{}.max_per_client;
  std::uint64_t min_rate = Settings{}.min_rate;
  std::uint64_t max_memory = ProcessLimits{}.max_memory;
  shared::Duration handshake_timeout = ClientTimeouts{}.handshake;
  shared::Duration head_timeout = ClientTimeouts{}.head;
  shared::Duration keep_alive_timeout = ClientTimeouts{}.keep_alive;
  shared::Duration body_timeout = ClientTimeouts{}.body;
  shared::Duration send_timeout = ClientTimeouts{}.send;
  shared::Duration linger = ClientTimeouts{}.linger;
  HalfClose half_close = Settings{}.half_close;
  Http2Config http2;
};

// What is taken from servers.
struct AnswerConfig {
  std::uint64_t max_head = http::HeadLimits{}.max_head;
  std::uint16_t max_fields = http::HeadLimits{}.max_fields;
};

// In which messages Via says that they went through this proxy (RFC 9110 7.6.3).
enum class ViaConfig : std::uint8_t { none, requests, both };

struct EdgeConfig {
  std::vector<ListenConfig> listen;
  std::optional<shared::load::Located<std::filesystem::path>> ticket_keys;
  std::string client_subject_field = Settings{}.client_subject_field;
  std::uint16_t workers = 0;                                       // 0: one for each core
  std::vector<shared::load::Located<shared::Endpoint>> resolvers;  // empty: those of /etc/resolv.conf
  std::vector<shared::Prefix> trusted_proxies;
  std::vector<shared::Prefix> explain_to;
  shared::load::Located<std::filesystem::path> geo_database;  // empty: none
  std::optional<TiersConfig> tiers;
  shared::load::NamedMap<PoolConfig> pools;
  shared::load::NamedMap<LimitConfig> limits;
  std::optional<RedisConfig> redis;
  shared::load::NamedMap<CacheStoreConfig> caches;
  shared::load::NamedMap<AccessConfig> access;
  shared::load::NamedMap<AuthConfig> auth;
  std::optional<TraceConfig> trace;
  std::optional<ScalerConfig> scaler;
  std::vector<RouteConfig> routes;
  ClientConfig client;
  AnswerConfig answer;
  bool merge_slashes = Settings{}.merge_slashes;
  ViaConfig via = ViaConfig::requests;
  std::optional<MaintenanceConfig> maintenance;
  SecurityHeaders security_headers = SecurityHeaders::none;
  std::vector<ErrorPageConfig> error_pages;
  TimeoutConfig timeout;
  std::optional<CompressionConfig> compression;
  HeaderRulesConfig request_headers;
  HeaderRulesConfig response_headers;
  std::filesystem::path access_log;  // empty: none
  bool access_log_probes = AccessLogSettings{}.probes;
  std::vector<std::string> access_log_fields = {"query", "User-Agent", "Referer"};
  shared::Duration drain_grace = shared::seconds(30);
};

[[nodiscard]] const shared::load::Table<EdgeConfig>& edge_table();

// Reads and checks the `edge` section of a configuration, for every region: all errors and warnings go to
// `diagnostics`. Key files are not opened here. Without an `edge` section that is the error.
[[nodiscard]] EdgeConfig read_edge_config(const shared::load::Config& config, shared::load::Diagnostics& diagnostics);

}  // namespace edge
