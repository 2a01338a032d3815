// That what is read from the configuration reaches the snapshot: tables are tested by what they read, the parts that
// serve by settings of their own, and between the two an option can be left behind.
#include <gtest/gtest.h>

#include <string>

#include "edge/core/cache/cache_rule.h"
#include "edge/core/content/compression.h"
#include "edge/core/route/mirror_rule.h"
#include "edge/load/build.h"
#include "tests/edge/load/load.h"

namespace edge::build_options_test {
namespace {

using shared::seconds;
using testing::Loaded;
using testing::with_regions;

// An edge of one pool and one route to it, each with more options.
std::optional<Built> built_with(const std::string& edge, const std::string& pool = "", const std::string& route = "") {
  Loaded loaded(with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools: {web: {servers: [\"10.0.0.1:80\"]" +
                             pool + "}}\n  routes: [{path: /, pool: web" + route + "}]\n" + edge));
  EXPECT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.render();
  Registry registry;
  auto built = build({loaded.config, loaded.edge, "us", loaded.config.regions[0].value.edges[0].value, 7}, registry,
                     loaded.diagnostics);
  EXPECT_TRUE(built) << loaded.diagnostics.render();
  return built;
}

TEST(BuildOptions, OfClients) {
  const auto built = built_with(
      "  client: {max_head: 3KiB, max_target: 2KiB, max_fields: 9, max_body: 5MiB, max_per_client: 3, min_rate: 100B,\n"
      "           handshake_timeout: 6s, head_timeout: 1s, keep_alive_timeout: 2s, body_timeout: 3s, send_timeout: "
      "4s,\n"
      "           linger: 5s, half_close: allow,\n"
      "           http2: {prior_knowledge: false, max_streams: 9, max_buffer: 256KiB}}\n");
  ASSERT_TRUE(built);
  const Settings& got = *built->settings;
  EXPECT_EQ(got.head_limits.max_head, 3072U);
  EXPECT_EQ(got.head_limits.max_target, 2048U);
  EXPECT_EQ(got.head_limits.max_fields, 9U);
  EXPECT_EQ(got.max_body, 5U << 20U);
  EXPECT_EQ(got.max_per_client, 3U);
  EXPECT_EQ(got.min_rate, 100U);
  EXPECT_EQ(got.timeouts.handshake, seconds(6));
  EXPECT_EQ(got.timeouts.head, seconds(1));
  EXPECT_EQ(got.timeouts.keep_alive, seconds(2));
  EXPECT_EQ(got.timeouts.body, seconds(3));
  EXPECT_EQ(got.timeouts.send, seconds(4));
  EXPECT_EQ(got.timeouts.linger, seconds(5));
  EXPECT_EQ(got.half_close, HalfClose::allow);
  EXPECT_FALSE(got.http2.prior_knowledge);
  EXPECT_EQ(got.http2.max_streams, 9U);
  EXPECT_EQ(got.http2.max_buffer, 256U << 10U);
}

TEST(BuildOptions, OfTheEdge) {
  const auto built = built_with(
      "  trusted_proxies: [10.0.0.0/8]\n  explain_to: [192.0.2.0/24]\n  drain_grace: 7s\n  via: both\n"
      "  merge_slashes: true\n  client_subject_field: X-Whose\n  trace: {sample: 25%}\n"
      "  answer: {max_head: 4KiB, max_fields: 11}\n  response_headers: {set: {X-One: \"1\"}}\n");
  ASSERT_TRUE(built);
  const Settings& got = *built->settings;
  EXPECT_EQ(got.identity.service, "shop");
  EXPECT_EQ(got.identity.region, "us");
  EXPECT_EQ(got.identity.node, "192.0.2.11");
  EXPECT_TRUE(got.trusted_proxies.contains(*shared::IpAddress::parse("10.1.2.3")));
  EXPECT_TRUE(got.explain_to.contains(*shared::IpAddress::parse("192.0.2.9")));
  EXPECT_FALSE(got.explain_to.contains(*shared::IpAddress::parse("10.1.2.3")));
  EXPECT_EQ(got.drain_grace, seconds(7));
  EXPECT_TRUE(got.via_requests);
  EXPECT_TRUE(got.via_responses);
  EXPECT_TRUE(got.merge_slashes);
  EXPECT_EQ(got.client_subject_field, "X-Whose");
  ASSERT_TRUE(got.trace_share);
  EXPECT_DOUBLE_EQ(*got.trace_share, 0.25);
  EXPECT_EQ(got.answer_limits.max_head, 4096U);
  EXPECT_EQ(got.answer_limits.max_fields, 11U);
  ASSERT_EQ(got.response_rules.appended().size(), 1U);
  const auto plain = built_with("  via: none\n");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->settings->via_requests);
  EXPECT_FALSE(plain->settings->via_responses);
  EXPECT_FALSE(plain->settings->trace_share);
}

TEST(BuildOptions, OfPools) {
  const auto built =
      built_with("",
                 ", critical: true, degraded_share: 10%, panic: 50%, when_all_down: refuse, slow_start: 30s,\n"
                 "      idle: {connections: 7, timeout: 9s}, bad_statuses: [500], balance: least_time,\n"
                 "      response_time: {half_life: 3s, error: 2s}, breaker: {successes: 3}, ejection: {margin: 40%},\n"
                 "      retry: {attempts: 4, buffer: 4KiB}, proxy_protocol: v2, max_in_flight: 10, queue: {size: 5, "
                 "timeout: 2s},\n"
                 "      adaptive: {mode: shadow, min: 3, max: 8, tolerance: 2.5}");
  ASSERT_TRUE(built);
  const Pool& got = built->servers.pools->all()[0];
  EXPECT_TRUE(got.critical);
  EXPECT_EQ(got.degraded_share, static_cast<std::uint32_t>(0.1 * kFullShare));
  EXPECT_DOUBLE_EQ(got.panic, 0.5);
  EXPECT_EQ(got.when_all_down, WhenAllDown::refuse);
  EXPECT_EQ(got.slow_start, seconds(30));
  EXPECT_EQ(got.idle.connections, 7U);
  EXPECT_EQ(got.idle.timeout, seconds(9));
  EXPECT_EQ(got.bad_statuses, (std::vector<StatusRange>{{500, 500}}));
  EXPECT_TRUE(std::holds_alternative<LeastTime>(got.selector));
  EXPECT_EQ(got.response_time.half_life, seconds(3));
  EXPECT_EQ(got.response_time.error, seconds(2));
  EXPECT_EQ(got.breaker.successes, 3);
  EXPECT_DOUBLE_EQ(got.ejection.margin, 0.4);
  EXPECT_EQ(got.retry.attempts, 4);
  EXPECT_EQ(got.retry.buffer, 4096U);
  EXPECT_EQ(got.proxy_protocol, shared::ProxyVersion::v2);
  EXPECT_EQ(got.servers[0].max_in_flight, 10U);
  EXPECT_EQ(got.queue.size, 5U);
  EXPECT_EQ(got.queue.timeout, seconds(2));
  EXPECT_EQ(got.adaptive.min, 3U);
  EXPECT_EQ(got.adaptive.max, 8U);
  EXPECT_DOUBLE_EQ(got.adaptive.tolerance, 2.5);
}

TEST(BuildOptions, OfPoolsOfHttp2AndHashes) {
  const auto built = built_with("",
                                ", protocol: h2, http2: {max_streams: 7, stream_buffer: 64KiB, ping: 5s},\n"
                                "      balance: consistent_hash, hash: {by: path, bounded_load: 1.5}");
  ASSERT_TRUE(built);
  const Pool& got = built->servers.pools->all()[0];
  EXPECT_EQ(got.protocol, ServerProtocol::h2);
  EXPECT_EQ(got.http2.max_streams, 7U);
  EXPECT_EQ(got.http2.stream_buffer, 64U << 10U);
  EXPECT_EQ(got.http2.ping, seconds(5));
  const auto* slots = std::get_if<HashSlots>(&got.selector);
  ASSERT_NE(slots, nullptr);
  EXPECT_EQ(slots->bound_percent, 150U);
}

TEST(BuildOptions, OfLimits) {
  const auto built = built_with(
      "  limits: {all: {rate: 30/m, burst: 5, excess: delay, key: [host], mode: shadow, exempt: [192.0.2.0/24],\n"
      "                 announce: true, keys: 4096}}\n",
      "", ", limits: all");
  ASSERT_TRUE(built);
  ASSERT_EQ(built->limits->size(), 1U);
  const RateLimitSettings& got = (*built->limits)[0]->settings();
  EXPECT_EQ(got.name, "all");
  EXPECT_DOUBLE_EQ(got.rate, 0.5);
  EXPECT_EQ(got.burst, 5U);
  EXPECT_EQ(got.excess, Excess::delay);
  ASSERT_EQ(got.key.size(), 1U);
  EXPECT_EQ(got.key[0].kind, LimitKeyPart::Kind::host);
  EXPECT_EQ(got.mode, shared::Mode::shadow);
  ASSERT_EQ(got.exempt.size(), 1U);
  EXPECT_TRUE(got.announce);
  EXPECT_EQ(got.keys, 4096U);
  EXPECT_EQ(built->routes->all()[0].limits.size(), 1U);
}

TEST(BuildOptions, OfRoutes) {
  const auto built = built_with(
      "  caches: {near: {size: 64MiB}, far: {size: 64MiB}}\n"
      "  compression: {types: [text/plain], min_size: 10B, gzip_level: 9, br_level: 7, zstd_level: 8}\n",
      "",
      ", timeout: {connect: 1s, send: 2s, read: 3s, try: 4s, total: 50s, tunnel: 6s}, learn_early_hints: true,\n"
      "      cache: {store: far, heuristic: true, stale_while_revalidate: 5s, stale_if_error: 6s, set_cookie: strip,\n"
      "              request_directives: false, status_field: false, max_object: 1MiB, max_variants: 3,\n"
      "              hit_for_miss: 9s},\n"
      "      mirror: {pool: web, share: 50%, max_body: 1KiB, max_in_flight: 2, timeout: 7s}");
  ASSERT_TRUE(built);
  const Route& got = built->routes->all()[0];
  EXPECT_EQ(got.timeouts.connect, seconds(1));
  EXPECT_EQ(got.timeouts.send, seconds(2));
  EXPECT_EQ(got.timeouts.read, seconds(3));
  EXPECT_EQ(got.timeouts.try_time, seconds(4));
  EXPECT_EQ(got.timeouts.total, seconds(50));
  EXPECT_EQ(got.timeouts.tunnel, seconds(6));
  EXPECT_TRUE(got.learn_early_hints);
  ASSERT_NE(got.cache, nullptr);
  EXPECT_EQ(got.cache->store, 1U);
  EXPECT_TRUE(got.cache->heuristic);
  EXPECT_EQ(got.cache->stale_while_revalidate, 5U);
  EXPECT_EQ(got.cache->stale_if_error, 6U);
  EXPECT_EQ(got.cache->set_cookie, CookiePolicy::strip);
  EXPECT_FALSE(got.cache->request_directives);
  EXPECT_FALSE(got.cache->status_field);
  EXPECT_EQ(got.cache->max_object, 1U << 20U);
  EXPECT_EQ(got.cache->max_variants, 3U);
  EXPECT_EQ(got.cache->hit_for_miss, 9U);
  ASSERT_NE(got.mirror, nullptr);
  EXPECT_DOUBLE_EQ(got.mirror->share, 0.5);
  EXPECT_EQ(got.mirror->max_body, 1024U);
  EXPECT_EQ(got.mirror->max_in_flight, 2U);
  EXPECT_EQ(got.mirror->timeout, seconds(7));
  ASSERT_NE(got.compression, nullptr);
  EXPECT_EQ(got.compression->types, std::vector<std::string>{"text/plain"});
  EXPECT_EQ(got.compression->min_size, 10U);
  EXPECT_EQ(got.compression->levels.gzip, 9);
  EXPECT_EQ(got.compression->levels.br, 7);
  EXPECT_EQ(got.compression->levels.zstd, 8);
}

}  // namespace
}  // namespace edge::build_options_test
