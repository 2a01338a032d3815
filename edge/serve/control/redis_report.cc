#include "edge/serve/control/redis_report.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

namespace edge {
namespace {

using shared::MetricKind;

bool is_shared(const RateLimit& limit) {
  return limit.live().region != nullptr && limit.settings().mode != shared::Mode::disabled;
}

std::vector<const RateLimit*> shared_limits(const ReportSource& source) {
  std::vector<const RateLimit*> shared;
  if (source.snapshot.limits == nullptr || source.region_limits == nullptr) return shared;
  for (const auto& limit : *source.snapshot.limits) {
    if (is_shared(*limit)) shared.push_back(limit.get());
  }
  return shared;
}

std::uint64_t left_out(const RateLimit& limit, const RegionLimits::Standing& standing) {
  return limit.live().region->crowded() + standing.leases.left_out();
}

void write_connection(const RedisClient& redis, shared::MetricsWriter& out) {
  const RedisClient::Facts& facts = redis.facts();
  out.family(MetricKind::gauge, "meridian_edge_redis_up", "1: there is a connection to the region's Redis.");
  out.sample({}, std::uint64_t{facts.up});
  out.family(MetricKind::counter, "meridian_edge_redis_connections_total", "Connections to Redis that were used.");
  out.sample({}, facts.connections);
  out.family(MetricKind::counter, "meridian_edge_redis_failures_total",
             "Connections to Redis that ended, or did not come about.");
  out.sample({}, facts.failures);
}

}  // namespace

void write_redis_metrics(const ReportSource& source, shared::MetricsWriter& out) {
  if (source.redis == nullptr || source.redis->settings() == nullptr) return;
  write_connection(*source.redis, out);
  using Shown = RegionLimits::Standing;
  const std::vector<const RateLimit*> limits = shared_limits(source);
  const auto each = [&](MetricKind kind, std::string_view name, std::string_view help,
                        const std::function<std::uint64_t(const RateLimit&, const Shown&)>& value) {
    out.family(kind, name, help);
    for (const RateLimit* limit : limits) {
      const std::string& known = limit->settings().name;
      out.sample({{"limit", known}}, value(*limit, source.region_limits->standing(known)));
    }
  };
  each(MetricKind::gauge, "meridian_edge_shared_limit_leased",
       "1: shares of the limit are leased; 0: without Redis, an equal share.",
       [](const RateLimit&, const Shown& standing) { return std::uint64_t{!standing.leases.alone()}; });
  each(MetricKind::gauge, "meridian_edge_shared_limit_edges", "Edges of the region that share the limit.",
       [](const RateLimit&, const Shown& standing) { return std::uint64_t{standing.leases.edges()}; });
  each(MetricKind::gauge, "meridian_edge_shared_limit_hot_keys",
       "Keys that ask for more than an equal share, here or at another edge.",
       [](const RateLimit&, const Shown& standing) { return std::uint64_t{standing.leases.hot()}; });
  each(MetricKind::gauge, "meridian_edge_shared_limit_leased_keys", "Of these, keys that this edge has a share of.",
       [](const RateLimit&, const Shown& standing) { return std::uint64_t{standing.leases.leased()}; });
  each(MetricKind::counter, "meridian_edge_shared_limit_answers_total", "Answers of Redis about the limit.",
       [](const RateLimit&, const Shown& standing) { return standing.answered; });
  each(MetricKind::counter, "meridian_edge_shared_limit_failures_total", "Questions about the limit without an answer.",
       [](const RateLimit&, const Shown& standing) { return standing.failed; });
  each(MetricKind::counter, "meridian_edge_shared_limit_keys_left_out_total",
       "Times that a hot key found no room and went on with an equal share.",
       [](const RateLimit& limit, const Shown& standing) { return left_out(limit, standing); });
}

boost::json::value redis_json(const ReportSource& source) {
  if (source.redis == nullptr || source.redis->settings() == nullptr) return nullptr;
  const RedisClient::Facts& facts = source.redis->facts();
  return boost::json::object{{"up", facts.up},
                             {"server", facts.server},
                             {"reason", facts.reason},
                             {"connections", facts.connections},
                             {"failures", facts.failures}};
}

boost::json::value region_json(const ReportSource& source, const RateLimit& limit) {
  if (source.region_limits == nullptr || !is_shared(limit)) return nullptr;
  const RegionLimits::Standing standing = source.region_limits->standing(limit.settings().name);
  const RegionLeases& leases = standing.leases;
  boost::json::object out{
      {"state", leases.alone() ? "alone" : "leased"},
      {"edges", leases.edges()},
      {"equal_share", static_cast<double>(limit.live().region->equal_share()) / RegionShare::kWhole},
      {"hot_keys", leases.hot()},
      {"leased_keys", leases.leased()},
      {"left_out", left_out(limit, standing)},
      {"answers", standing.answered},
      {"failures", standing.failed},
      {"reason", standing.reason}};
  if (leases.answered() != shared::TimePoint{}) {
    const auto age = shared::Clock::now() - leases.answered();
    out["answer_age_ms"] = std::chrono::duration_cast<shared::milliseconds>(age).count();
  }
  return out;
}

}  // namespace edge
