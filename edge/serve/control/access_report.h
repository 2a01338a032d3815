#pragma once
// What access lists and auth policies have counted, for /metrics and /status. Control loop.

#include <boost/json.hpp>

#include "edge/serve/control/report.h"
#include "shared/serve/admin/metrics.h"

namespace edge {

void write_access_metrics(const ReportSource& source, shared::MetricsWriter& out);
[[nodiscard]] boost::json::array access_json(const ReportSource& source);
[[nodiscard]] boost::json::array auth_json(const ReportSource& source);

}  // namespace edge
