#include "edge/serve/control/limit_report.h"

#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>

#include "edge/core/protect/rate_limit.h"
#include "edge/serve/control/redis_report.h"
#include "shared/core/mode.h"

namespace edge {
namespace {

const RateLimits kNone;

const RateLimits& limits_of(const ReportSource& source) {
  return source.snapshot.limits != nullptr ? *source.snapshot.limits : kNone;
}

}  // namespace

void write_limit_metrics(const ReportSource& source, shared::MetricsWriter& out) {
  const RateLimits& limits = limits_of(source);
  out.family(shared::MetricKind::counter, "meridian_edge_limit_requests_total",
             "What limits made of requests; shadowed: would have been delayed or rejected.");
  constexpr std::pair<std::string_view, std::atomic<std::uint64_t> LimitLive::*> kRulings[] = {
      {"passed", &LimitLive::passed},
      {"delayed", &LimitLive::delayed},
      {"rejected", &LimitLive::rejected},
      {"shadowed", &LimitLive::shadowed}};
  for (const auto& limit : limits) {
    for (const auto& [ruling, counter] : kRulings) {
      out.sample({{"limit", limit->settings().name}, {"ruling", ruling}},
                 (limit->live().*counter).load(std::memory_order_relaxed));
    }
  }
  out.family(shared::MetricKind::counter, "meridian_edge_limit_keys_evicted_total",
             "Keys that were forgotten while a part of their allowance was used, as `keys` is too small.");
  for (const auto& limit : limits) out.sample({{"limit", limit->settings().name}}, limit->live().cells.evicted());
}

boost::json::array limits_json(const ReportSource& source) {
  boost::json::array all;
  for (const auto& limit : limits_of(source)) {
    const LimitLive& live = limit->live();
    all.emplace_back(boost::json::object{{"name", limit->settings().name},
                                         {"mode", shared::name_of(limit->settings().mode)},
                                         {"policy", limit->policy()},
                                         {"region", region_json(source, *limit)},
                                         {"passed", live.passed.load(std::memory_order_relaxed)},
                                         {"delayed", live.delayed.load(std::memory_order_relaxed)},
                                         {"rejected", live.rejected.load(std::memory_order_relaxed)},
                                         {"shadowed", live.shadowed.load(std::memory_order_relaxed)},
                                         {"keys", live.cells.capacity()},
                                         {"evicted", live.cells.evicted()}});
  }
  return all;
}

}  // namespace edge
