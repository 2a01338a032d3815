#pragma once
// What Control says about how full pools are, in /metrics and /status, and the one number of the region that the DNS
// tier is to be told: the share of its capacity in use, with its reason. Pure functions of what they are given; Control
// loop's thread.

#include <boost/json/object.hpp>

#include "edge/serve/control/report.h"
#include "shared/serve/admin/metrics.h"

namespace edge {

void write_overload_metrics(const ReportSource& source, shared::MetricsWriter& out);
// REQUIRES: pool.counts_in_flight().
[[nodiscard]] boost::json::object overload_json(const ReportSource& source, const Pool& pool);
// {"share": 0.83, "reason": "pool web: 83 of 100 requests in flight, by max_in_flight"}: of the fullest pool.
[[nodiscard]] boost::json::object capacity_json(const ReportSource& source);

}  // namespace edge
