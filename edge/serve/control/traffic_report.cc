#include "edge/serve/control/traffic_report.h"

#include <atomic>
#include <string_view>
#include <utility>

#include "edge/core/route/mirror_rule.h"
#include "shared/core/mode.h"

namespace edge {
namespace {

constexpr auto kCounter = shared::MetricKind::counter;
constexpr auto kGauge = shared::MetricKind::gauge;

using MirrorCount = std::atomic<std::uint64_t> MirrorLive::*;
constexpr std::pair<std::string_view, MirrorCount> kMirrorEnds[] = {{"answered", &MirrorLive::answered},
                                                                    {"failed", &MirrorLive::failed},
                                                                    {"too_large", &MirrorLive::too_large},
                                                                    {"too_many", &MirrorLive::too_many},
                                                                    {"broken", &MirrorLive::broken}};

template <class Count>
std::uint64_t read(const Count& count) {
  return count.load(std::memory_order_relaxed);
}

template <class Write>
void for_each_mirror(const ReportSource& source, Write write) {
  for (const Route& route : source.snapshot.routes->all()) {
    if (route.mirror != nullptr) write(route, *route.mirror);
  }
}

template <class Write>
void for_each_bound(const ReportSource& source, Write write) {
  if (source.snapshot.listeners == nullptr) return;
  for (const PoolListener& listener : *source.snapshot.listeners) {
    if (listener.bound != nullptr) write(listener, *listener.bound->counts);
  }
}

void write_mirrors(const ReportSource& source, shared::MetricsWriter& out) {
  out.family(kCounter, "meridian_edge_mirror_copies_total",
             "Copies of requests: answered with a status below 500 or failed, and those that were not sent.");
  for_each_mirror(source, [&](const Route& route, const MirrorRule& rule) {
    for (const auto& [end, count] : kMirrorEnds) {
      out.sample({{"route", route.name}, {"end", end}}, read((*rule.live).*count));
    }
  });
  out.family(kGauge, "meridian_edge_mirror_in_flight", "Copies that are made, or out.");
  for_each_mirror(source, [&](const Route& route, const MirrorRule& rule) {
    out.sample({{"route", route.name}}, std::uint64_t{read(rule.live->in_flight)});
  });
}

}  // namespace

void write_traffic_metrics(const ReportSource& source, shared::MetricsWriter& out) {
  write_mirrors(source, out);
  out.family(
      kCounter, "meridian_edge_listener_over_per_client_total",
      "Connections over a listener's per_client: refused; shadowed: would have been; uncounted: let in, as there "
      "was no room to count them.");
  for_each_bound(source, [&](const PoolListener& listener, const ConnectionCounts& counts) {
    out.sample({{"listener", listener.name}, {"ruling", "refused"}}, read(counts.refused));
    out.sample({{"listener", listener.name}, {"ruling", "shadowed"}}, read(counts.shadowed));
    out.sample({{"listener", listener.name}, {"ruling", "uncounted"}}, read(counts.uncounted));
  });
}

boost::json::array mirrors_json(const ReportSource& source) {
  boost::json::array all;
  for_each_mirror(source, [&](const Route& route, const MirrorRule& rule) {
    boost::json::object one{{"route", route.name},
                            {"pool", source.snapshot.pools->configured(rule.pool).name},
                            {"share", rule.share},
                            {"in_flight", read(rule.live->in_flight)},
                            {"sent", read(rule.live->sent)}};
    for (const auto& [end, count] : kMirrorEnds) one[end] = read((*rule.live).*count);
    all.emplace_back(std::move(one));
  });
  return all;
}

boost::json::object per_client_json(const ConnectionBound& bound) {
  return {{"max", bound.most},
          {"mode", shared::name_of(bound.mode)},
          {"refused", read(bound.counts->refused)},
          {"shadowed", read(bound.counts->shadowed)},
          {"uncounted", read(bound.counts->uncounted)}};
}

}  // namespace edge
