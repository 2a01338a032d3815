#pragma once
// What Control says about how many servers pools shall have, in /metrics and /status. Pure functions of what they are
// given; Control loop's thread.

#include <boost/json/object.hpp>

#include "edge/serve/control/report.h"
#include "shared/serve/admin/metrics.h"

namespace edge {

void write_scale_metrics(const ReportSource& source, shared::MetricsWriter& out);
// Nothing: the pool does not scale.
[[nodiscard]] std::optional<boost::json::object> scale_json(const ReportSource& source, std::string_view pool);
[[nodiscard]] boost::json::object scaler_json(const ReportSource& source);

}  // namespace edge
