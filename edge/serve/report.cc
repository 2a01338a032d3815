#include "edge/serve/report.h"

#include <boost/json.hpp>

#include "edge/core/balance.h"
#include "edge/core/region_health.h"
#include "edge/core/request_key.h"
#include "edge/serve/decide.h"
#include "shared/serve/metrics.h"

namespace edge {
namespace {

using Pick = shared::Counter Counters::*;

std::uint64_t sum(const ReportSource& source, Pick counter) {
  std::uint64_t total = 0;
  for (const Counters* worker : source.workers) total += (worker->*counter).read();
  return total;
}

template <class Array>
std::uint64_t sum(const ReportSource& source, Array Counters::* counters, std::size_t index) {
  std::uint64_t total = 0;
  for (const Counters* worker : source.workers) total += (worker->*counters)[index].read();
  return total;
}

std::string_view name_of(shared::HealthState state) {
  switch (state) {
    case shared::HealthState::up:
      return "up";
    case shared::HealthState::down:
      return "down";
    case shared::HealthState::unknown:
      break;
  }
  return "unknown";
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
    {kCounter, "meridian_edge_connections_refused_total", "Client connections closed at once, over the cap.",
     &Counters::connections_refused},
    {kCounter, "meridian_edge_requests_total", "Requests whose head was read.", &Counters::requests},
    {kGauge, "meridian_edge_requests_in_flight", "Requests being served.", &Counters::in_flight},
    {kCounter, "meridian_edge_retries_total", "Attempts after the first.", &Counters::retries},
    {kCounter, "meridian_edge_upstream_connects_total", "Connections begun to servers.", &Counters::upstream_connects},
    {kCounter, "meridian_edge_upstream_reuses_total", "Requests on a kept connection.", &Counters::upstream_reuses},
    {kCounter, "meridian_edge_request_body_bytes_total", "Octets of request bodies.", &Counters::octets_in},
    {kCounter, "meridian_edge_response_bytes_total", "Octets sent to clients, heads included.", &Counters::octets_out},
};

void write_requests(const ReportSource& source, shared::MetricsWriter& out) {
  for (const Simple& metric : kSimple) {
    out.family(metric.kind, metric.name, metric.help);
    out.sample({}, sum(source, metric.counter));
  }
  out.family(kCounter, "meridian_edge_responses_total", "Responses by class of status.");
  constexpr std::string_view kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (std::size_t i = 0; i < std::size(kClasses); ++i) {
    out.sample({{"class", kClasses[i]}}, sum(source, &Counters::responses, i));
  }
  out.family(kCounter, "meridian_edge_errors_total", "Requests that did not end well, by kind.");
  for (std::size_t i = 0; i < kErrorKinds; ++i) {
    out.sample({{"kind", name_of(static_cast<ErrorKind>(i))}}, sum(source, &Counters::errors, i));
  }
  shared::HistogramSnapshot duration;
  for (const Counters* worker : source.workers) duration.merge(worker->duration.read());
  out.family(shared::MetricKind::histogram, "meridian_edge_request_duration_seconds",
             "From the first byte of a head to the end of its response.");
  out.histogram({}, duration, {});
}

using Value = std::uint64_t (*)(const Snapshot&, const Pool&, const Server&, const Live&);

void write_servers(const ReportSource& source, shared::MetricsWriter& out, Value value) {
  for (const Pool& pool : source.snapshot.pools->all()) {
    for (const Server& server : pool.servers) {
      out.sample({{"pool", pool.name}, {"server", server.name}}, value(source.snapshot, pool, server, source.live));
    }
  }
}

void write_pools(const ReportSource& source, shared::MetricsWriter& out) {
  out.family(kGauge, "meridian_edge_server_up", "1: known to be up.");
  write_servers(source, out, [](const Snapshot& snapshot, const Pool& pool, const Server& server, const Live& live) {
    return std::uint64_t{known_up(pool, server, *snapshot.addresses, live)};
  });
  out.family(kGauge, "meridian_edge_server_in_flight", "Requests at the server.");
  write_servers(source, out, [](const Snapshot&, const Pool&, const Server& server, const Live& live) {
    return std::uint64_t{live.server(server.id).in_flight.load(std::memory_order_relaxed)};
  });
  out.family(kCounter, "meridian_edge_server_requests_total", "Attempts sent to the server.");
  write_servers(source, out, [](const Snapshot&, const Pool&, const Server& server, const Live& live) {
    return live.server(server.id).requests.load(std::memory_order_relaxed);
  });
  out.family(kCounter, "meridian_edge_server_failures_total", "Attempts that failed at the server.");
  write_servers(source, out, [](const Snapshot&, const Pool&, const Server& server, const Live& live) {
    return live.server(server.id).failures.load(std::memory_order_relaxed);
  });
}

boost::json::object server_json(const ReportSource& source, const Pool& pool, const Server& server) {
  const ServerLive& live = source.live.server(server.id);
  boost::json::array addresses;
  for (const auto& endpoint : source.snapshot.addresses->of(server.id)) addresses.emplace_back(endpoint.to_string());
  return {{"server", server.name},
          {"addresses", std::move(addresses)},
          {"health", pool.health.kind == HealthCheck::Kind::none ? "unchecked" : name_of(live.state.health())},
          {"state", name_of(standing_of(live.state, pool.slow_start, shared::Clock::now()).eligibility)},
          {"weight", server.weight},
          {"in_flight", live.in_flight.load()},
          {"requests", live.requests.load()},
          {"failures", live.failures.load()}};
}

}  // namespace

std::string metrics_text(const ReportSource& source) {
  shared::MetricsWriter out;
  write_requests(source, out);
  write_pools(source, out);
  out.family(kGauge, "meridian_edge_region_up", "1: clients may be sent here.");
  out.sample({{"region", source.snapshot.settings->identity.region}},
             std::uint64_t{regional_health(source.snapshot, source.live).up()});
  out.family(kGauge, "meridian_edge_generation", "Publications of a snapshot since the start.");
  out.sample({}, source.snapshot.generation);
  out.family(kCounter, "meridian_edge_reloads_failed_total",
             "Reloads that changed nothing because something was wrong.");
  out.sample({}, source.reloads_failed);
  out.family(kCounter, "meridian_edge_access_log_dropped_total", "Lines of the access log that were dropped.");
  out.sample({}, source.access_log_dropped);
  return out.take();
}

std::string status_json(const ReportSource& source) {
  const Identity& identity = source.snapshot.settings->identity;
  const RegionHealth health = regional_health(source.snapshot, source.live);
  boost::json::array pools;
  for (const Pool& pool : source.snapshot.pools->all()) {
    boost::json::array servers;
    for (const Server& server : pool.servers) servers.emplace_back(server_json(source, pool, server));
    boost::json::object object{{"pool", pool.name}, {"critical", pool.critical}, {"servers", std::move(servers)}};
    if (pool.effective != pool.id) object["stands_for_it"] = source.snapshot.pools->effective(pool.id).name;
    pools.emplace_back(std::move(object));
  }
  boost::json::array workers;
  for (const Counters* worker : source.workers) {
    workers.emplace_back(boost::json::object{{"connections", worker->connections_open.read()},
                                             {"in_flight", worker->in_flight.read()},
                                             {"requests", worker->requests.read()}});
  }
  const boost::json::object status{{"service", identity.service},
                                   {"region", identity.region},
                                   {"node", identity.node},
                                   {"state", name_of(health.reason)},
                                   {"generation", source.snapshot.generation},
                                   {"routes", source.snapshot.routes->all().size()},
                                   {"pools", std::move(pools)},
                                   {"workers", std::move(workers)}};
  return boost::json::serialize(status) + "\n";
}

namespace {

// The head as a client would send it, through the parser that clients go through.
std::string head_text(const ExplainedRequest& request) {
  std::string text = request.method + " " + request.path + " HTTP/1.1\r\nHost: " + request.host + "\r\n";
  for (const std::string& header : request.headers) text += header + "\r\n";
  return text + "\r\n";
}

std::string refused(const shared::RecordingTrace& trace, const Refusal& refusal) {
  std::string text;
  for (const auto& line : trace.lines()) text += std::string(line.topic) + ": " + line.text + "\n";
  return text + "answer: " + std::to_string(refusal.status) + " " + std::string(refusal.reason) + "\n";
}

std::string chosen(const Looked& looked, const Match& found, const Live& live, shared::RecordingTrace& trace) {
  const Snapshot& snapshot = looked.snapshot;
  const Route& route = *found.route;
  const FieldList& fields = looked.head.fields;
  std::string answer;
  if (const auto* id = std::get_if<PoolId>(&route.action)) {
    const Pool& pool = snapshot.pools->effective(*id);
    BalanceState place;
    const KeySource key{.client = found.client.address, .fields = fields, .path = found.target.path};
    const PickContext context{.live = live,
                              .addresses = *snapshot.addresses,
                              .tried = {},
                              .now = shared::Clock::now(),
                              .key = request_key(pool, key),
                              .session = session_of(pool, fields)};
    const Server* server = pick(pool, context, place, trace);
    answer = "pool " + pool.name + ", " + (server != nullptr ? "server " + server->name : "503: no usable server");
  } else if (const auto* respond = std::get_if<Respond>(&route.action)) {
    answer = "respond " + std::to_string(respond->status);
  } else {
    answer = "redirect " + std::to_string(std::get<Redirect>(route.action).status);
  }
  std::string text;
  for (const auto& line : trace.lines()) text += std::string(line.topic) + ": " + line.text + "\n";
  return text + "answer: route " + route.name + ", " + answer + "\n";
}

}  // namespace

shared::Result<std::string> explain(const Snapshot& snapshot, const Live& live, const ExplainedRequest& request) {
  const std::string text = head_text(request);
  HeadParser parser;
  const auto head = std::make_unique<RequestHead>();
  const ParseState state = parser.parse_request(text, snapshot.settings->head_limits, *head);
  if (state == ParseState::error)
    return shared::fail("such a request is refused: " + std::string(parser.refusal().reason));
  if (state != ParseState::complete || head->size != text.size()) return shared::fail("that is no single request");
  TargetScratch scratch;
  shared::RecordingTrace trace;
  Match found;
  found.client.peer = request.client;
  const Looked looked{.snapshot = snapshot, .head = *head, .scratch = scratch};
  if (const auto refusal = identify_request(looked, found, trace)) return refused(trace, *refusal);
  if (const auto refusal = match_request(looked, found, trace)) return refused(trace, *refusal);
  if (const auto refusal = admit(found, trace)) return refused(trace, *refusal);
  return chosen(looked, found, live, trace);
}

}  // namespace edge
