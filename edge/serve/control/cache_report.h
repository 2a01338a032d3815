#pragma once
// What caches have counted, for /metrics and /status. Control loop.

#include <boost/json.hpp>

#include "edge/serve/control/report.h"
#include "shared/serve/admin/metrics.h"

namespace edge {

void write_cache_metrics(const ReportSource& source, shared::MetricsWriter& out);
[[nodiscard]] boost::json::array caches_json(const ReportSource& source);

}  // namespace edge
