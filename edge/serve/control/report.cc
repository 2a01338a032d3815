#include "edge/serve/control/report.h"

#include <chrono>

#include <boost/json.hpp>

#include "edge/core/snapshot/region_health.h"
#include "edge/serve/control/access_report.h"
#include "edge/serve/control/cache_report.h"
#include "edge/serve/control/certificate_report.h"
#include "edge/serve/control/limit_report.h"
#include "edge/serve/control/overload_report.h"
#include "edge/serve/control/pool_report.h"
#include "edge/serve/control/redis_report.h"
#include "edge/serve/control/scale_report.h"
#include "edge/serve/control/scaling.h"
#include "edge/serve/control/session_report.h"
#include "edge/serve/control/trace_report.h"
#include "edge/serve/control/traffic_report.h"
#include "shared/serve/admin/metrics.h"

namespace edge {
namespace {

using Pick = shared::Counter Counters::*;

std::uint64_t sum(const ReportSource& source, Pick counter) {
  std::uint64_t total = 0;
  for (const Worker* worker : source.workers) total += (worker->counters().*counter).read();
  return total;
}

template <class Array>
std::uint64_t sum(const ReportSource& source, Array Counters::* counters, std::size_t index) {
  std::uint64_t total = 0;
  for (const Worker* worker : source.workers) total += (worker->counters().*counters)[index].read();
  return total;
}

struct Simple {
  shared::MetricKind kind;
  std::string_view name;
  std::string_view help;
  Pick counter;
};

constexpr auto kCounter = shared::MetricKind::counter;
constexpr auto kGauge = shared::MetricKind::gauge;

const Simple kSimple[] = {
    {kCounter, "meridian_edge_connections_total", "Client connections accepted.", &Counters::connections},
    {kGauge, "meridian_edge_connections", "Client connections open.", &Counters::connections_open},
    {kCounter, "meridian_edge_connections_refused_total",
     "Client connections closed at once, over the cap while nobody else could go.", &Counters::connections_refused},
    {kGauge, "meridian_edge_memory_bytes", "Octets in use by connections and requests.", &Counters::memory_used},
    {kGauge, "meridian_edge_memory_mapped_bytes", "Octets held for them; what is not needed goes back.",
     &Counters::memory_mapped},
    {kCounter, "meridian_edge_memory_refused_total", "Requests answered 503 because client.max_memory was in use.",
     &Counters::memory_refused},
    {kCounter, "meridian_edge_h2_connections_total", "Connections of HTTP/2.", &Counters::h2_connections},
    {kGauge, "meridian_edge_h2_connections", "Connections of HTTP/2 open.", &Counters::h2_connections_open},
    {kCounter, "meridian_edge_h2_streams_total", "Streams that clients have begun.", &Counters::h2_streams},
    {kGauge, "meridian_edge_h2_streams", "Streams whose request is not over, those that were reset too.",
     &Counters::h2_streams_open},
    {kCounter, "meridian_edge_h2_streams_refused_total", "Streams over `max_streams`, or without room for their heads.",
     &Counters::h2_refused_streams},
    {kCounter, "meridian_edge_h2_abusers_total", "Connections closed at once for what their clients did on them.",
     &Counters::h2_abusers},
    {kCounter, "meridian_edge_files_total", "Answers that were files, or parts of files.", &Counters::files},
    {kCounter, "meridian_edge_files_cold_total", "Times that the answer with a file had to wait for the disk.",
     &Counters::files_cold},
    {kCounter, "meridian_edge_files_cut_total", "Answers cut because the file changed while it was sent.",
     &Counters::files_cut},
    {kGauge, "meridian_edge_compressing", "Answers that are being compressed.", &Counters::encoding_open},
    {kCounter, "meridian_edge_compression_refused_total",
     "Answers sent as they were because too many were being compressed.", &Counters::encoding_refused},
    {kCounter, "meridian_edge_early_hints_total", "Answers 103 that a route's early_hints has given.",
     &Counters::early_hints},
    {kCounter, "meridian_edge_maintenance_shadowed_total",
     "Requests that a maintenance in shadow mode would have refused.", &Counters::maintenance_shadowed},
    {kCounter, "meridian_edge_requests_total", "Requests whose head was read.", &Counters::requests},
    {kGauge, "meridian_edge_requests_in_flight", "Requests being served.", &Counters::in_flight},
    {kCounter, "meridian_edge_tunnels_total", "Tunnels begun with a 101: WebSocket and the like.", &Counters::tunnels},
    {kGauge, "meridian_edge_tunnels", "Tunnels open.", &Counters::tunnels_open},
    {kCounter, "meridian_edge_retries_total", "Attempts after the first.", &Counters::retries},
    {kCounter, "meridian_edge_upstream_connects_total", "Connections begun to servers.", &Counters::upstream_connects},
    {kCounter, "meridian_edge_upstream_reuses_total", "Requests on a kept connection.", &Counters::upstream_reuses},
    {kCounter, "meridian_edge_h2_upstream_connections_total", "Connections of HTTP/2 begun to servers.",
     &Counters::h2_upstreams},
    {kGauge, "meridian_edge_h2_upstream_connections", "Connections of HTTP/2 to servers open.",
     &Counters::h2_upstreams_open},
    {kCounter, "meridian_edge_h2_upstream_streams_total", "Requests sent on them.", &Counters::h2_upstream_streams},
    {kCounter, "meridian_edge_h2_upstream_unprocessed_total",
     "Requests that servers did not look at: REFUSED_STREAM, or behind the last one of a GOAWAY.",
     &Counters::h2_upstream_unprocessed},
    {kCounter, "meridian_edge_h2_upstream_goaways_total", "GOAWAYs of servers.", &Counters::h2_upstream_goaways},
    {kCounter, "meridian_edge_request_body_bytes_total", "Octets of request bodies.", &Counters::octets_in},
    {kCounter, "meridian_edge_datagrams_dropped_total",
     "Datagrams of UDP listeners that had no session (not allowed, no server, no room) or found a full queue.",
     &Counters::datagrams_dropped},
    {kCounter, "meridian_edge_response_bytes_total", "Octets sent to clients, heads included.", &Counters::octets_out},
};

struct Handshakes {
  const char* made;
  const char* made_help;
  std::array<std::array<shared::Counter, 2>, 2> Counters::* good;
  const char* failed;
  const char* failed_help;
  std::array<shared::Counter, shared::kTlsFailures> Counters::* bad;
};

constexpr std::array<Handshakes, 2> kHandshakes{{
    {"meridian_edge_tls_handshakes_total", "TLS handshakes with clients that succeeded.", &Counters::handshakes,
     "meridian_edge_tls_handshakes_failed_total", "TLS handshakes with clients that failed.",
     &Counters::handshakes_failed},
    {"meridian_edge_upstream_tls_handshakes_total", "TLS handshakes with servers that succeeded.",
     &Counters::upstream_handshakes, "meridian_edge_upstream_tls_handshakes_failed_total",
     "TLS handshakes with servers that failed.", &Counters::upstream_handshakes_failed},
}};

void write_handshakes(const ReportSource& source, const Handshakes& of, shared::MetricsWriter& out) {
  constexpr std::array<const char*, 2> kVersions{"1.2", "1.3"};
  constexpr std::array<const char*, 2> kResumed{"false", "true"};
  out.family(kCounter, of.made, of.made_help);
  for (std::size_t version = 0; version < kVersions.size(); ++version) {
    for (std::size_t resumed = 0; resumed < kResumed.size(); ++resumed) {
      std::uint64_t total = 0;
      for (const Worker* worker : source.workers) total += (worker->counters().*of.good)[version][resumed].read();
      out.sample({{"version", kVersions[version]}, {"resumed", kResumed[resumed]}}, total);
    }
  }
  out.family(kCounter, of.failed, of.failed_help);
  for (std::size_t i = 1; i < shared::kTlsFailures; ++i) {
    out.sample({{"reason", to_string(static_cast<shared::TlsFailure>(i))}}, sum(source, of.bad, i));
  }
}

void write_compression(const ReportSource& source, shared::MetricsWriter& out) {
  out.family(kCounter, "meridian_edge_compressed_total", "Answers compressed here, by coding.");
  for (std::size_t i = 1; i < kCodings; ++i) {
    out.sample({{"coding", coding_name(static_cast<Coding>(i))}}, sum(source, &Counters::encoded, i));
  }
  out.family(kCounter, "meridian_edge_compression_bytes_total", "Octets of those, before (in) and behind (out).");
  out.sample({{"direction", "in"}}, sum(source, &Counters::encoding_in));
  out.sample({{"direction", "out"}}, sum(source, &Counters::encoding_out));
}

void write_requests(const ReportSource& source, shared::MetricsWriter& out) {
  for (const Simple& metric : kSimple) {
    out.family(metric.kind, metric.name, metric.help);
    out.sample({}, sum(source, metric.counter));
  }
  out.family(kGauge, "meridian_edge_memory_limit_bytes", "client.max_memory.");
  std::uint64_t limit = 0;
  for (const Worker* worker : source.workers) limit += worker->max_memory();
  out.sample({}, limit);
  for (const Handshakes& of : kHandshakes) write_handshakes(source, of, out);
  out.family(kCounter, "meridian_edge_connections_evicted_total",
             "Client connections closed at the cap to make room: their head had not come, they were slow, or idle.");
  out.sample({{"state", "head"}}, sum(source, &Counters::evicted_head));
  out.sample({{"state", "slow"}}, sum(source, &Counters::evicted_slow));
  out.sample({{"state", "idle"}}, sum(source, &Counters::evicted_idle));
  out.family(
      kCounter, "meridian_edge_proxy_headers_total",
      "Connections that were to begin with a PROXY header: it told of a client, or of none; closed because it was "
      "bad, late, never sent, or came from outside `from`.");
  out.sample({{"result", "client"}}, sum(source, &Counters::proxy_client));
  out.sample({{"result", "local"}}, sum(source, &Counters::proxy_local));
  out.sample({{"result", "bad"}}, sum(source, &Counters::proxy_bad));
  out.sample({{"result", "late"}}, sum(source, &Counters::proxy_late));
  out.sample({{"result", "unsaid"}}, sum(source, &Counters::proxy_unsaid));
  out.sample({{"result", "unlisted"}}, sum(source, &Counters::proxy_unlisted));
  out.family(kCounter, "meridian_edge_h2_resets_total", "Streams of HTTP/2 that were reset, by whom.");
  out.sample({{"by", "client"}}, sum(source, &Counters::h2_resets_received));
  out.sample({{"by", "edge"}}, sum(source, &Counters::h2_resets_sent));
  out.family(kCounter, "meridian_edge_h2_goaways_total", "GOAWAY sent on connections of HTTP/2, by reason.");
  out.sample({{"reason", "graceful"}}, sum(source, &Counters::h2_goaways_graceful));
  out.sample({{"reason", "calm"}}, sum(source, &Counters::h2_goaways_calm));
  out.sample({{"reason", "error"}}, sum(source, &Counters::h2_goaways_error));
  out.family(kCounter, "meridian_edge_responses_total", "Responses by class of status.");
  constexpr std::string_view kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (std::size_t i = 0; i < std::size(kClasses); ++i) {
    out.sample({{"class", kClasses[i]}}, sum(source, &Counters::responses, i));
  }
  out.family(kCounter, "meridian_edge_errors_total", "Requests that did not end well, by kind.");
  for (std::size_t i = 0; i < kErrorKinds; ++i) {
    out.sample({{"kind", name_of(static_cast<ErrorKind>(i))}}, sum(source, &Counters::errors, i));
  }
  out.family(kCounter, "meridian_edge_tunnel_bytes_total", "Octets through tunnels, as they move.");
  out.sample({{"direction", "in"}}, sum(source, &Counters::tunnel_octets_in));
  out.sample({{"direction", "out"}}, sum(source, &Counters::tunnel_octets_out));
  write_compression(source, out);
  out.family(kCounter, "meridian_edge_tunnel_ends_total",
             "Tunnels that are over: the client or the server closed first, nothing moved, the edge drains, or a "
             "connection broke.");
  for (std::size_t i = 0; i < kTunnelEnds; ++i) {
    out.sample({{"reason", name_of(static_cast<TunnelEnd>(i))}}, sum(source, &Counters::tunnel_ends, i));
  }
  shared::HistogramSnapshot duration;
  for (const Worker* worker : source.workers) duration.merge(worker->counters().duration.read());
  out.family(shared::MetricKind::histogram, "meridian_edge_request_duration_seconds",
             "From the first byte of a head to the end of its response.");
  out.histogram({}, duration, {});
}

std::string_view name_of(Transport transport) { return transport == Transport::tcp ? "tcp" : "udp"; }

using SessionPick = shared::Counter SessionCounters::*;

std::uint64_t sum(const ReportSource& source, Transport transport, SessionPick counter) {
  std::uint64_t total = 0;
  for (const Worker* worker : source.workers) {
    total += (worker->counters().sessions[static_cast<std::size_t>(transport)].*counter).read();
  }
  return total;
}

constexpr Transport kEach[] = {Transport::tcp, Transport::udp};

void write_sessions(const ReportSource& source, shared::MetricsWriter& out) {
  out.family(kCounter, "meridian_edge_sessions_total", "TCP connections and UDP sessions to listeners of a pool.");
  for (const Transport transport : kEach) {
    out.sample({{"protocol", name_of(transport)}}, sum(source, transport, &SessionCounters::begun));
  }
  out.family(kGauge, "meridian_edge_sessions", "Of these, those that are open.");
  for (const Transport transport : kEach) {
    out.sample({{"protocol", name_of(transport)}}, sum(source, transport, &SessionCounters::open));
  }
  out.family(kCounter, "meridian_edge_session_bytes_total",
             "Octets from (in) and to (out) clients in those that are over.");
  for (const Transport transport : kEach) {
    const std::string_view protocol = name_of(transport);
    out.sample({{"protocol", protocol}, {"direction", "in"}}, sum(source, transport, &SessionCounters::octets_in));
    out.sample({{"protocol", protocol}, {"direction", "out"}}, sum(source, transport, &SessionCounters::octets_out));
  }
  out.family(shared::MetricKind::histogram, "meridian_edge_session_duration_seconds",
             "From the first octet to the end.");
  for (const Transport transport : kEach) {
    shared::HistogramSnapshot duration;
    for (const Worker* worker : source.workers) {
      duration.merge(worker->counters().sessions[static_cast<std::size_t>(transport)].duration.read());
    }
    out.histogram({{"protocol", name_of(transport)}}, duration, {});
  }
}

boost::json::array listeners_json(const ReportSource& source) {
  boost::json::array listeners;
  if (source.snapshot.listeners == nullptr) return listeners;
  for (const PoolListener& listener : *source.snapshot.listeners) {
    if (listener.name.empty()) continue;
    boost::json::object one{{"listener", listener.name}};
    if (listener.pool) one["pool"] = source.snapshot.pools->configured(*listener.pool).name;
    if (!listener.sni.empty()) one["sni"] = true;
    if (listener.bound != nullptr) one["per_client"] = per_client_json(*listener.bound);
    listeners.emplace_back(std::move(one));
  }
  return listeners;
}

}  // namespace

std::string metrics_text(const ReportSource& source) {
  shared::MetricsWriter out;
  write_requests(source, out);
  write_sessions(source, out);
  write_pool_metrics(source, out);
  if (source.built != nullptr) write_certificates(*source.built, out);
  write_limit_metrics(source, out);
  write_redis_metrics(source, out);
  write_trace_metrics(source, out);
  write_session_metrics(source, out);
  write_cache_metrics(source, out);
  write_scale_metrics(source, out);
  write_traffic_metrics(source, out);
  write_access_metrics(source, out);
  out.family(kGauge, "meridian_edge_region_up", "1: clients may be sent here.");
  out.sample({{"region", source.snapshot.settings->identity.region}},
             std::uint64_t{regional_health(source.snapshot, source.live).up()});
  out.family(kGauge, "meridian_edge_generation", "Publications of a snapshot since the start.");
  out.sample({}, source.snapshot.generation);
  shared::write_facts(out, "meridian_edge", source.process);
  out.family(kCounter, "meridian_edge_access_log_dropped_total", "Lines of the access log that were dropped.");
  out.sample({}, source.access_log_dropped);
  return out.take();
}

std::string status_json(const ReportSource& source) {
  const Identity& identity = source.snapshot.settings->identity;
  const RegionHealth health = regional_health(source.snapshot, source.live);
  boost::json::array pools;
  for (const Pool& pool : source.snapshot.pools->all()) {
    pools.emplace_back(pool_json(source, pool));
  }
  boost::json::array workers;
  for (const Worker* worker : source.workers) {
    const Counters& counters = worker->counters();
    workers.emplace_back(boost::json::object{{"connections", counters.connections_open.read()},
                                             {"in_flight", counters.in_flight.read()},
                                             {"requests", counters.requests.read()},
                                             {"tcp_sessions", counters.sessions[0].open.read()},
                                             {"udp_sessions", counters.sessions[1].open.read()}});
  }
  boost::json::object status{{"program", "meridian-edge"},
                             {"service", identity.service},
                             {"region", identity.region},
                             {"node", identity.node},
                             {"state", name_of(health.reason)},
                             {"generation", source.snapshot.generation},
                             {"routes", source.snapshot.routes->all().size()},
                             {"listeners", listeners_json(source)},
                             {"capacity_in_use", capacity_json(source)},
                             {"pools", std::move(pools)},
                             {"limits", limits_json(source)},
                             {"redis", redis_json(source)},
                             {"tracing", trace_json(source)},
                             {"caches", caches_json(source)},
                             {"access", access_json(source)},
                             {"auth", auth_json(source)},
                             {"workers", std::move(workers)}};
  if (source.scaling != nullptr && !source.scaling->pools().empty()) status["scaler"] = scaler_json(source);
  if (auto mirrors = mirrors_json(source); !mirrors.empty()) status["mirrors"] = std::move(mirrors);
  if (source.built != nullptr) status["certificates"] = certificates_json(*source.built);
  shared::put_facts(status, source.process);
  if (source.words != nullptr && source.words->drain) {
    status["override"] = override_json(*source.words->drain, std::chrono::system_clock::now());
  }
  return boost::json::serialize(status) + "\n";
}

}  // namespace edge
