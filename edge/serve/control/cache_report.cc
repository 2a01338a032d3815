#include "edge/serve/control/cache_report.h"

#include <cstdint>
#include <string_view>

#include "edge/core/cache/cache_status.h"

namespace edge {
namespace {

using shared::MetricKind;

struct Metric {
  MetricKind kind;
  std::string_view name;
  std::string_view help;
  std::uint64_t (*value)(const CacheStore::Stats& stats);
};

using Stats = CacheStore::Stats;
constexpr Metric kMetrics[] = {
    {MetricKind::gauge, "meridian_edge_cache_entries", "Responses that are stored.",
     [](const Stats& stats) { return std::uint64_t{stats.entries}; }},
    {MetricKind::gauge, "meridian_edge_cache_bytes", "Octets that they and bodies which are coming take.",
     [](const Stats& stats) { return std::uint64_t{stats.octets}; }},
    {MetricKind::gauge, "meridian_edge_cache_limit_bytes", "Octets that a store may take.",
     [](const Stats& stats) { return std::uint64_t{stats.capacity}; }},
    {MetricKind::counter, "meridian_edge_cache_stored_total", "Responses that were stored.",
     [](const Stats& stats) { return stats.stored; }},
    {MetricKind::counter, "meridian_edge_cache_evicted_total", "Responses that had to make room.",
     [](const Stats& stats) { return stats.evicted; }},
    {MetricKind::counter, "meridian_edge_cache_purged_total", "Responses that were purged or invalidated.",
     [](const Stats& stats) { return stats.purged; }},
    {MetricKind::counter, "meridian_edge_cache_fetches_total", "Requests of the cache's own to servers.",
     [](const Stats& stats) { return stats.fetches; }},
    {MetricKind::counter, "meridian_edge_cache_collapsed_total", "Requests that have waited for the fetch of another.",
     [](const Stats& stats) { return stats.collapsed; }}};

}  // namespace

void write_cache_metrics(const ReportSource& source, shared::MetricsWriter& out) {
  out.family(MetricKind::counter, "meridian_edge_cache_requests_total",
             "Requests to routes with a cache by what it has done for them.");
  for (std::size_t i = 1; i < kCacheVerdicts; ++i) {
    std::uint64_t total = 0;
    for (const Worker* worker : source.workers) total += worker->counters().cache[i].read();
    out.sample({{"result", name_of(static_cast<CacheVerdict>(i))}}, total);
  }
  if (source.caches == nullptr) return;
  for (const Metric& metric : kMetrics) {
    out.family(metric.kind, metric.name, metric.help);
    for (const auto& store : source.caches->all()) out.sample({{"cache", store->name()}}, metric.value(store->stats()));
  }
}

boost::json::array caches_json(const ReportSource& source) {
  boost::json::array all;
  if (source.caches == nullptr) return all;
  for (const auto& store : source.caches->all()) {
    const Stats stats = store->stats();
    all.emplace_back(boost::json::object{{"name", store->name()},
                                         {"entries", stats.entries},
                                         {"octets", stats.octets},
                                         {"capacity", stats.capacity},
                                         {"stored", stats.stored},
                                         {"evicted", stats.evicted},
                                         {"purged", stats.purged},
                                         {"fetches", stats.fetches},
                                         {"collapsed", stats.collapsed}});
  }
  return all;
}

}  // namespace edge
