#pragma once
// What /metrics and /status say of spans and the collector that they are told to. Control loop's thread.

#include <boost/json/value.hpp>

#include "edge/serve/control/report.h"
#include "shared/serve/admin/metrics.h"

namespace edge {

// Nothing without `edge.trace.otlp`.
void write_trace_metrics(const ReportSource& source, shared::MetricsWriter& out);
// Null without it.
[[nodiscard]] boost::json::value trace_json(const ReportSource& source);

}  // namespace edge
