#pragma once
// The part of what Control says that is about sessions in Redis, of pools with sticky: {store: redis}. Control loop's
// thread.

#include <boost/json/object.hpp>

#include "edge/serve/control/report.h"
#include "shared/serve/admin/metrics.h"

namespace edge {

void write_session_metrics(const ReportSource& source, shared::MetricsWriter& out);
// REQUIRES: the pool learns sessions.
[[nodiscard]] boost::json::object sessions_json(const ReportSource& source, const Pool& pool);

}  // namespace edge
