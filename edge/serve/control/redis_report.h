#pragma once
// What /metrics and /status say of Redis, and of what limits share through it. Control loop's thread.

#include <boost/json/value.hpp>

#include "edge/core/protect/rate_limit.h"
#include "edge/serve/control/report.h"
#include "shared/serve/admin/metrics.h"

namespace edge {

void write_redis_metrics(const ReportSource& source, shared::MetricsWriter& out);
// Null without `edge.redis`.
[[nodiscard]] boost::json::value redis_json(const ReportSource& source);
// Of one limit; null if its scope is the edge.
[[nodiscard]] boost::json::value region_json(const ReportSource& source, const RateLimit& limit);

}  // namespace edge
