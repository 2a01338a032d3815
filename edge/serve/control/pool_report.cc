#include "edge/serve/control/pool_report.h"

#include <chrono>
#include <string>

#include <boost/json.hpp>

#include "edge/core/snapshot/region_health.h"
#include "edge/serve/control/overload_report.h"
#include "edge/serve/control/scale_report.h"
#include "edge/serve/control/session_report.h"

namespace edge {
namespace {

constexpr auto kCounter = shared::MetricKind::counter;
constexpr auto kGauge = shared::MetricKind::gauge;

// What all workers have counted of one server.
struct Seen {
  std::array<std::uint64_t, 6> responses{};
  std::uint64_t retries = 0;
  shared::HistogramSnapshot latency;
};

Seen seen_of(const ReportSource& source, ServerId id) {
  Seen seen;
  const std::uint32_t tenant = source.live.server(id).tenant.load(std::memory_order_relaxed);
  for (const Worker* worker : source.workers) {
    const ServerCounters* counters = worker->servers().find(id, tenant);
    if (counters == nullptr) continue;
    for (std::size_t i = 0; i < seen.responses.size(); ++i) seen.responses[i] += counters->responses[i].read();
    seen.retries += counters->retries.read();
    seen.latency.merge(counters->latency.read());
  }
  return seen;
}

shared::TimePoint now_of() { return shared::Clock::now(); }

struct Subject {
  const ReportSource& source;
  const Pool& pool;
  const Server& server;
  const ServerLive& live;
};

using Value = std::uint64_t (*)(const Subject&);

struct ServerMetric {
  shared::MetricKind kind;
  std::string_view name;
  std::string_view help;
  Value value;
};

std::uint64_t read(const std::atomic<std::uint64_t>& counter) { return counter.load(std::memory_order_relaxed); }

const ServerMetric kServerMetrics[] = {
    {kGauge, "meridian_edge_server_up", "1: known to be up, or degraded.",
     [](const Subject& s) -> std::uint64_t {
       return known_up(s.pool, s.server, *s.source.snapshot.addresses, s.source.live) ? 1 : 0;
     }},
    {kGauge, "meridian_edge_server_degraded", "1: it answers and asks for less work.",
     [](const Subject& s) -> std::uint64_t { return s.live.state.health() == shared::HealthState::degraded ? 1 : 0; }},
    {kGauge, "meridian_edge_server_ejected", "1: left out, since it failed more than the others.",
     [](const Subject& s) -> std::uint64_t { return s.live.state.ejected() ? 1 : 0; }},
    {kGauge, "meridian_edge_server_breaker", "0: closed, 1: open, 2: half open, 3: half open with all probes out.",
     [](const Subject& s) -> std::uint64_t {
       return static_cast<std::uint64_t>(s.live.breaker.state_at(s.pool.breaker, now_of()));
     }},
    {kGauge, "meridian_edge_server_in_flight", "Requests at the server.",
     [](const Subject& s) -> std::uint64_t { return s.live.in_flight.load(std::memory_order_relaxed); }},
    {kCounter, "meridian_edge_server_requests_total", "Attempts sent to the server.",
     [](const Subject& s) { return read(s.live.requests); }},
    {kCounter, "meridian_edge_server_failures_total",
     "Attempts that failed at the server, or were answered with one of bad_statuses.",
     [](const Subject& s) { return read(s.live.failures); }},
    {kCounter, "meridian_edge_server_ejections_total", "Times it was ejected; in shadow mode: would have been.",
     [](const Subject& s) { return read(s.live.ejections); }},
    {kCounter, "meridian_edge_server_breaker_opened_total", "Times its breaker opened.",
     [](const Subject& s) { return read(s.live.breaker_opened); }},
    {kCounter, "meridian_edge_server_breaker_shadowed_total",
     "Attempts that its breaker, which only looks on, would have kept away.",
     [](const Subject& s) { return read(s.live.breaker_shadowed); }},
};

template <class Write>
void for_each_server(const ReportSource& source, Write write) {
  for (const Pool& pool : source.snapshot.pools->all()) {
    for (const Server& server : pool.servers) write(Subject{source, pool, server, source.live.server(server.id)});
  }
}

void write_seen(const ReportSource& source, shared::MetricsWriter& out) {
  constexpr std::string_view kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  out.family(kCounter, "meridian_edge_server_responses_total", "Answers of the server by class of status.");
  for_each_server(source, [&](const Subject& s) {
    const Seen seen = seen_of(source, s.server.id);
    for (std::size_t i = 0; i < std::size(kClasses); ++i) {
      out.sample({{"pool", s.pool.name}, {"server", s.server.name}, {"class", kClasses[i]}}, seen.responses[i]);
    }
  });
  out.family(kCounter, "meridian_edge_server_retries_total", "Attempts there after another server had failed.");
  for_each_server(source, [&](const Subject& s) {
    out.sample({{"pool", s.pool.name}, {"server", s.server.name}}, seen_of(source, s.server.id).retries);
  });
  out.family(shared::MetricKind::histogram, "meridian_edge_server_latency_seconds",
             "From an attempt's beginning to the head of the server's answer.");
  for_each_server(source, [&](const Subject& s) {
    out.histogram({{"pool", s.pool.name}, {"server", s.server.name}}, seen_of(source, s.server.id).latency, {});
  });
}

struct PoolMetric {
  shared::MetricKind kind;
  std::string_view name;
  std::string_view help;
  std::uint64_t (*value)(const PoolLive&);
};

const PoolMetric kPoolMetrics[] = {
    {kGauge, "meridian_edge_pool_panic", "1: too few servers are fit, all are used.",
     [](const PoolLive& live) -> std::uint64_t { return live.panic.load(std::memory_order_relaxed) ? 1 : 0; }},
    {kCounter, "meridian_edge_pool_retries_total", "Attempts after a failed one.",
     [](const PoolLive& live) { return read(live.retries); }},
    {kCounter, "meridian_edge_pool_hedges_total", "Second servers asked since the first was slow.",
     [](const PoolLive& live) { return read(live.hedges); }},
    {kCounter, "meridian_edge_pool_hedges_won_total", "Of them, those that answered first.",
     [](const PoolLive& live) { return read(live.hedges_won); }},
    {kCounter, "meridian_edge_pool_hedges_shadowed_total", "Hedges that shadow mode has left out.",
     [](const PoolLive& live) { return read(live.hedges_shadowed); }},
    {kCounter, "meridian_edge_pool_last_resorts_total",
     "Attempts at servers that checks call down, since they call all of them down.",
     [](const PoolLive& live) { return read(live.last_resorts); }},
    {kCounter, "meridian_edge_pool_breakers_held_total",
     "Failures that would have opened one more breaker than max_opened allows.",
     [](const PoolLive& live) { return read(live.breakers_held); }},
    {kCounter, "meridian_edge_pool_budget_refusals_total", "Retries and hedges that the budget did not allow.",
     [](const PoolLive& live) { return read(live.budget_refusals); }},
};

boost::json::object server_json(const Subject& s) {
  boost::json::array addresses;
  boost::json::array unreached;
  for (const auto& endpoint : s.source.snapshot.addresses->of(s.server.id)) {
    addresses.emplace_back(endpoint.to_string());
  }
  if (s.source.backends != nullptr) {
    for (const auto& endpoint : s.source.backends->left_out(s.server.id)) unreached.emplace_back(endpoint.to_string());
  }
  const Seen seen = seen_of(s.source, s.server.id);
  const shared::TimePoint now = now_of();
  const Standing standing = standing_of(s.live.state, s.pool.slow_start, now);
  boost::json::object json{{"server", s.server.name},
                           {"addresses", std::move(addresses)},
                           {"health", s.pool.checks.empty() ? "unchecked" : to_string(s.live.state.health())},
                           {"state", name_of(standing.eligibility)},
                           {"breaker", to_string(s.live.breaker.state_at(s.pool.breaker, now))},
                           {"weight", s.server.weight},
                           {"in_flight", s.live.in_flight.load()},
                           {"requests", s.live.requests.load()},
                           {"failures", s.live.failures.load()},
                           {"retries", seen.retries},
                           {"ejections", s.live.ejections.load()},
                           {"breaker_opened", s.live.breaker_opened.load()},
                           {"p50_us", seen.latency.quantile(0.5)},
                           {"p99_us", seen.latency.quantile(0.99)}};
  if (s.source.words != nullptr) {
    const ServerWord word = s.source.words->of({s.pool.name, s.server.name});
    const shared::WallTime wall = std::chrono::system_clock::now();
    if (word.drain) json["override"] = override_json(*word.drain, wall);
    if (word.weight) json["weight_override"] = override_json(*word.weight, wall);
  }
  if (!unreached.empty()) json["addresses_down"] = std::move(unreached);
  if (s.source.backends != nullptr) {
    if (const auto reason = s.source.backends->reason(s.server.id); !reason.empty()) json["reason"] = reason;
  }
  return json;
}

boost::json::object source_json(const ServerSource& source, const Discovery::Standing& standing) {
  boost::json::object json{{"source", to_string(source)},
                           {"kind", source.kind == ServerSource::Kind::srv ? "srv" : "dns"},
                           {"state", !standing.reason.empty() ? "failing"
                                     : standing.answered      ? "found"
                                                              : "waiting"},
                           {"servers", standing.servers},
                           {"failures", standing.failures}};
  if (!standing.reason.empty()) json["reason"] = standing.reason;
  return json;
}

struct SourceMetric {
  shared::MetricKind kind;
  std::string_view name;
  std::string_view help;
  std::uint64_t (*value)(const Discovery::Standing&);
};

const SourceMetric kSourceMetrics[] = {
    {kGauge, "meridian_edge_discovery_servers", "Servers that the name or service stands for.",
     [](const Discovery::Standing& s) -> std::uint64_t { return s.servers; }},
    {kGauge, "meridian_edge_discovery_failing", "1: its last lookup brought nothing, what it said before holds.",
     [](const Discovery::Standing& s) -> std::uint64_t { return s.reason.empty() ? 0 : 1; }},
    {kCounter, "meridian_edge_discovery_failures_total", "Lookups for it that failed.",
     [](const Discovery::Standing& s) { return s.failures; }},
};

void write_discovery(const ReportSource& source, shared::MetricsWriter& out) {
  if (source.discovery == nullptr) return;
  for (const SourceMetric& metric : kSourceMetrics) {
    out.family(metric.kind, metric.name, metric.help);
    for (const Pool& pool : source.snapshot.pools->all()) {
      for (const ServerSource& from : pool.sources) {
        out.sample({{"pool", pool.name}, {"source", to_string(from)}}, metric.value(source.discovery->standing(from)));
      }
    }
  }
}

}  // namespace

void write_pool_metrics(const ReportSource& source, shared::MetricsWriter& out) {
  for (const ServerMetric& metric : kServerMetrics) {
    out.family(metric.kind, metric.name, metric.help);
    for_each_server(source, [&](const Subject& s) {
      out.sample({{"pool", s.pool.name}, {"server", s.server.name}}, metric.value(s));
    });
  }
  write_seen(source, out);
  for (const PoolMetric& metric : kPoolMetrics) {
    out.family(metric.kind, metric.name, metric.help);
    for (const Pool& pool : source.snapshot.pools->all()) {
      out.sample({{"pool", pool.name}}, metric.value(source.live.pool(pool.slot)));
    }
  }
  write_overload_metrics(source, out);
  write_discovery(source, out);
}

boost::json::object pool_json(const ReportSource& source, const Pool& pool) {
  boost::json::array servers;
  for (const Server& server : pool.servers) {
    servers.emplace_back(server_json(Subject{source, pool, server, source.live.server(server.id)}));
  }
  const PoolLive& live = source.live.pool(pool.slot);
  boost::json::object object{{"pool", pool.name},
                             {"critical", pool.critical},
                             {"panic", live.panic.load()},
                             {"retries", live.retries.load()},
                             {"retries_refused", live.budget_refusals.load()},
                             {"hedges", live.hedges.load()},
                             {"last_resorts", live.last_resorts.load()},
                             {"breakers_held", live.breakers_held.load()},
                             {"servers", std::move(servers)}};
  if (pool.tls.enabled()) object["tls"] = true;
  if (source.discovery != nullptr && !pool.sources.empty()) {
    boost::json::array sources;
    for (const ServerSource& from : pool.sources) {
      sources.emplace_back(source_json(from, source.discovery->standing(from)));
    }
    object["sources"] = std::move(sources);
  }
  if (auto scale = scale_json(source, pool.name)) object["autoscale"] = std::move(*scale);
  if (pool.sticky.learned != nullptr) object["sessions"] = sessions_json(source, pool);
  if (pool.counts_in_flight()) object["overload"] = overload_json(source, pool);
  if (pool.effective != pool.id) object["stands_for_it"] = source.snapshot.pools->effective(pool.id).name;
  return object;
}

}  // namespace edge
