#include "edge/serve/control/overload_report.h"

#include <cmath>
#include <string>

#include "edge/core/pool/places.h"
#include "shared/core/mode.h"

namespace edge {
namespace {

constexpr auto kCounter = shared::MetricKind::counter;
constexpr auto kGauge = shared::MetricKind::gauge;

struct OverloadMetric {
  shared::MetricKind kind;
  std::string_view name;
  std::string_view help;
  std::uint64_t (*value)(const PoolLive&);
};

std::uint64_t read(const std::atomic<std::uint32_t>& number) { return number.load(std::memory_order_relaxed); }
std::uint64_t read(const std::atomic<std::uint64_t>& number) { return number.load(std::memory_order_relaxed); }

const OverloadMetric kMetrics[] = {
    {kGauge, "meridian_edge_pool_in_flight", "Requests at the servers of a pool that is bounded.",
     [](const PoolLive& live) { return read(live.in_flight); }},
    {kGauge, "meridian_edge_pool_capacity",
     "Requests that its servers may have in flight; 0: no bound, or nobody left.",
     [](const PoolLive& live) { return read(live.capacity); }},
    {kGauge, "meridian_edge_pool_adaptive_limit", "What the pool's servers can work on at a time, as found out.",
     [](const PoolLive& live) { return read(live.limit); }},
    {kGauge, "meridian_edge_pool_waiting", "Requests in the pool's queue.",
     [](const PoolLive& live) { return read(live.waiting); }},
    {kCounter, "meridian_edge_pool_queued_total", "Requests that had to wait in the pool's queue.",
     [](const PoolLive& live) { return read(live.queued); }},
    {kCounter, "meridian_edge_pool_queue_timeouts_total", "Of them, those that got no place in time.",
     [](const PoolLive& live) { return read(live.queue_timeouts); }},
    {kCounter, "meridian_edge_pool_pushed_out_total", "Of them, those that gave way to others.",
     [](const PoolLive& live) { return read(live.pushed_out); }},
    {kCounter, "meridian_edge_pool_turned_away_total", "Requests for which there was no place, nor room in the queue.",
     [](const PoolLive& live) { return read(live.turned_away); }},
    {kCounter, "meridian_edge_pool_shed_total", "Requests that were refused for their tier.",
     [](const PoolLive& live) { return read(live.shed); }},
    {kCounter, "meridian_edge_pool_shed_shadowed_total", "Requests that shadow mode has let in.",
     [](const PoolLive& live) { return read(live.shed_shadowed); }},
};

double rounded(double share) { return std::round(share * 1000) / 1000; }

Capacity capacity_in(const ReportSource& source, const Pool& pool) {
  return capacity_of(pool, *source.snapshot.addresses, source.live, shared::Clock::now());
}

}  // namespace

void write_overload_metrics(const ReportSource& source, shared::MetricsWriter& out) {
  for (const OverloadMetric& metric : kMetrics) {
    out.family(metric.kind, metric.name, metric.help);
    for (const Pool& pool : source.snapshot.pools->all()) {
      if (!pool.counts_in_flight()) continue;
      out.sample({{"pool", pool.name}}, metric.value(source.live.pool(pool.slot)));
    }
  }
}

boost::json::object overload_json(const ReportSource& source, const Pool& pool) {
  const PoolLive& live = source.live.pool(pool.slot);
  const Capacity capacity = capacity_in(source, pool);
  boost::json::object json{{"in_flight", capacity.in_flight},
                           {"capacity", capacity.places},
                           {"in_use", rounded(capacity.in_use())},
                           {"by", capacity.by},
                           {"waiting", read(live.waiting)},
                           {"queued", read(live.queued)},
                           {"queue_timeouts", read(live.queue_timeouts)},
                           {"pushed_out", read(live.pushed_out)},
                           {"turned_away", read(live.turned_away)},
                           {"shed", read(live.shed)},
                           {"shed_shadowed", read(live.shed_shadowed)}};
  if (pool.adaptive.mode != shared::Mode::disabled) {
    json["adaptive"] = boost::json::object{{"mode", shared::name_of(pool.adaptive.mode)},
                                           {"limit", read(live.limit)},
                                           {"floor_us", read(live.floor_us)},
                                           {"mean_us", read(live.mean_us)}};
  }
  return json;
}

boost::json::object capacity_json(const ReportSource& source) {
  const FullestPool fullest =
      fullest_of(*source.snapshot.pools, *source.snapshot.addresses, source.live, shared::Clock::now());
  if (fullest.pool == nullptr) return {{"share", 0.0}, {"reason", "no pool bounds its requests in flight"}};
  const Capacity& capacity = fullest.capacity;
  std::string reason = "pool " + fullest.pool->name + ": " + std::to_string(capacity.in_flight) + " of " +
                       std::to_string(capacity.places) + " requests in flight";
  if (!capacity.by.empty()) reason += ", by " + std::string(capacity.by);
  return {{"share", rounded(capacity.in_use())}, {"reason", std::move(reason)}};
}

}  // namespace edge
