#include "edge/serve/control/cache_report.h"

#include <cstdint>
#include <string_view>
#include <utility>

#include "edge/core/cache/cache_status.h"
#include "edge/serve/cache/stores.h"

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
     [](const Stats& stats) { return stats.collapsed; }},
    {MetricKind::gauge, "meridian_edge_cache_memory_bytes",
     "Octets of memory; of a store on disk those of its index and of bodies that are not written yet.",
     [](const Stats& stats) { return std::uint64_t{stats.memory}; }},
    {MetricKind::counter, "meridian_edge_cache_skipped_total",
     "Responses that the disk of a store did not take, and were not stored.",
     [](const Stats& stats) { return stats.skipped; }}};

struct DiskMetric {
  MetricKind kind;
  std::string_view name;
  std::string_view help;
  std::uint64_t (*value)(const CacheDisk::Stats& stats);
};

using DiskStats = CacheDisk::Stats;
constexpr DiskMetric kDiskMetrics[] = {
    {MetricKind::counter, "meridian_edge_cache_disk_written_total", "Responses that were written to a store's disk.",
     [](const DiskStats& stats) { return stats.written; }},
    {MetricKind::counter, "meridian_edge_cache_disk_write_failures_total",
     "Writes and removals that the disk has refused.", [](const DiskStats& stats) { return stats.write_failures; }},
    {MetricKind::counter, "meridian_edge_cache_disk_read_failures_total",
     "Stored responses that could not be read, or were not what had been written; each was fetched anew.",
     [](const DiskStats& stats) { return stats.read_failures; }},
    {MetricKind::counter, "meridian_edge_cache_disk_found_total", "Responses of earlier processes that were found.",
     [](const DiskStats& stats) { return stats.found; }},
    {MetricKind::counter, "meridian_edge_cache_disk_torn_total", "Files that were found and are no whole responses.",
     [](const DiskStats& stats) { return stats.torn; }},
    {MetricKind::gauge, "meridian_edge_cache_disk_large_coming",
     "Bodies that are being written to a store's disk while they come.",
     [](const DiskStats& stats) { return stats.large_coming; }},
    {MetricKind::counter, "meridian_edge_cache_disk_large_written_total",
     "Bodies that were written while they came, to their end.",
     [](const DiskStats& stats) { return stats.large_written; }},
    {MetricKind::counter, "meridian_edge_cache_disk_large_given_up_total",
     "Bodies whose writing was begun and not ended: they were cut off or too large, or the disk did not take them.",
     [](const DiskStats& stats) { return stats.large_given_up; }},
    {MetricKind::gauge, "meridian_edge_cache_disk_scanning", "1 while what is there is still being read.",
     [](const DiskStats& stats) { return std::uint64_t{stats.scanning}; }},
    {MetricKind::gauge, "meridian_edge_cache_disk_owned", "1 while this process writes there, and no other one.",
     [](const DiskStats& stats) { return std::uint64_t{stats.owns}; }}};

void write_disk_metrics(const CacheStores& stores, shared::MetricsWriter& out) {
  for (const DiskMetric& metric : kDiskMetrics) {
    bool begun = false;
    for (const auto& store : stores.all()) {
      if (store->disk() == nullptr) continue;
      if (!std::exchange(begun, true)) out.family(metric.kind, metric.name, metric.help);
      out.sample({{"cache", store->name()}}, metric.value(store->disk()->stats()));
    }
  }
}

boost::json::object disk_json(const CacheDisk& disk) {
  const DiskStats stats = disk.stats();
  return {{"written", stats.written},
          {"write_failures", stats.write_failures},
          {"read_failures", stats.read_failures},
          {"found", stats.found},
          {"torn", stats.torn},
          {"large_coming", stats.large_coming},
          {"large_written", stats.large_written},
          {"large_given_up", stats.large_given_up},
          {"scanning", stats.scanning},
          {"owned", stats.owns}};
}

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
  write_disk_metrics(*source.caches, out);
}

boost::json::array caches_json(const ReportSource& source) {
  boost::json::array all;
  if (source.caches == nullptr) return all;
  for (const auto& store : source.caches->all()) {
    const Stats stats = store->stats();
    boost::json::object one{{"name", store->name()},       {"entries", stats.entries}, {"octets", stats.octets},
                            {"capacity", stats.capacity},  {"memory", stats.memory},   {"stored", stats.stored},
                            {"evicted", stats.evicted},    {"purged", stats.purged},   {"fetches", stats.fetches},
                            {"collapsed", stats.collapsed}};
    if (store->disk() != nullptr) {
      one["skipped"] = stats.skipped;
      one["disk"] = disk_json(*store->disk());
    }
    all.emplace_back(std::move(one));
  }
  return all;
}

}  // namespace edge
