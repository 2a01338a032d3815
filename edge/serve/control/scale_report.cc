#include "edge/serve/control/scale_report.h"

#include <cmath>
#include <string>

#include "edge/serve/control/scale_message.h"
#include "edge/serve/control/scaling.h"

namespace edge {
namespace {

constexpr auto kCounter = shared::MetricKind::counter;
constexpr auto kGauge = shared::MetricKind::gauge;

double rounded(double value) { return std::round(value * 100) / 100; }

struct ScaleMetric {
  std::string_view name;
  std::string_view help;
  std::uint64_t (*value)(const Scaling::Pool&);
};

const ScaleMetric kMetrics[] = {
    {"meridian_edge_pool_servers_desired", "Servers that the pool shall have, by its autoscale.",
     [](const Scaling::Pool& pool) -> std::uint64_t { return pool.scaler.desired(); }},
    {"meridian_edge_pool_servers_max", "The most that its autoscale may call for.",
     [](const Scaling::Pool& pool) -> std::uint64_t { return pool.settings.max; }},
    {"meridian_edge_pool_servers_known", "Servers that it has, well or not.",
     [](const Scaling::Pool& pool) -> std::uint64_t { return pool.sample.known; }},
    {"meridian_edge_pool_servers_serving", "Of these, those that answer.",
     [](const Scaling::Pool& pool) -> std::uint64_t { return pool.sample.serving; }},
};

}  // namespace

void write_scale_metrics(const ReportSource& source, shared::MetricsWriter& out) {
  if (source.scaling == nullptr || source.scaling->pools().empty()) return;
  for (const ScaleMetric& metric : kMetrics) {
    out.family(kGauge, metric.name, metric.help);
    for (const auto& [name, pool] : source.scaling->pools()) out.sample({{"pool", name}}, metric.value(pool));
  }
  out.family(kGauge, "meridian_edge_pool_cpu_ratio", "Mean of what its servers say; 1: all of it.");
  for (const auto& [name, pool] : source.scaling->pools()) {
    if (pool.sample.cpu) out.sample({{"pool", name}}, *pool.sample.cpu / 100);
  }
  out.family(kGauge, "meridian_edge_pool_load_servers",
             "What is asked of it, in servers that are as busy as they shall be.");
  for (const auto& [name, pool] : source.scaling->pools()) out.sample({{"pool", name}}, rounded(pool.scaler.load()));
  const ScaleCalls::Counts& counts = source.scaling->calls().counts();
  out.family(kCounter, "meridian_edge_scaler_calls_total", "Calls of the webhook, by their result.");
  out.sample({{"result", "delivered"}}, counts.delivered);
  out.sample({{"result", "failed"}}, counts.failed);
}

std::optional<boost::json::object> scale_json(const ReportSource& source, std::string_view pool) {
  if (source.scaling == nullptr) return std::nullopt;
  const auto found = source.scaling->pools().find(std::string(pool));
  if (found == source.scaling->pools().end()) return std::nullopt;
  const Scaling::Pool& scale = found->second;
  boost::json::object json{{"mode", name_of(scale.settings.mode)},
                           {"desired", scale.scaler.desired()},
                           {"servers", scale.sample.known},
                           {"serving", scale.sample.serving},
                           {"min", scale.settings.min},
                           {"max", scale.settings.max},
                           {"load", rounded(scale.scaler.load())},
                           {"in_flight", rounded(scale.scaler.in_flight())},
                           {"reason", scale.scaler.reason()}};
  if (scale.sample.cpu) json["cpu"] = rounded(*scale.sample.cpu);
  if (!scale.scaler.decided().empty()) {
    json["last_change"] = boost::json::object{{"at", scale.decided}, {"reason", scale.scaler.decided()}};
  }
  return json;
}

boost::json::object scaler_json(const ReportSource& source) {
  const ScaleCalls& calls = source.scaling->calls();
  boost::json::object json{{"speaks", source.scaling->speaker()},
                           {"delivered", calls.counts().delivered},
                           {"failed", calls.counts().failed},
                           {"waiting", calls.waiting()}};
  if (!calls.counts().problem.empty()) json["problem"] = calls.counts().problem;
  return json;
}

}  // namespace edge
