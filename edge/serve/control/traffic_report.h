#pragma once
// What Control says about copies of requests (mirrors) and about connections that clients may have at listeners of
// pools, in /metrics and /status. Pure functions of what they are given; Control loop's thread.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "edge/core/protect/connection_bound.h"
#include "edge/serve/control/report.h"
#include "shared/serve/admin/metrics.h"

namespace edge {

void write_traffic_metrics(const ReportSource& source, shared::MetricsWriter& out);
[[nodiscard]] boost::json::array mirrors_json(const ReportSource& source);
[[nodiscard]] boost::json::object per_client_json(const ConnectionBound& bound);

}  // namespace edge
