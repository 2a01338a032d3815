#pragma once
// What Control says about pools and their servers in /metrics and /status. Pure functions of what they are given;
// Control loop's thread.

#include <boost/json/object.hpp>

#include "edge/serve/control/report.h"
#include "shared/serve/admin/metrics.h"

namespace edge {

void write_pool_metrics(const ReportSource& source, shared::MetricsWriter& out);
[[nodiscard]] boost::json::object pool_json(const ReportSource& source, const Pool& pool);

}  // namespace edge
