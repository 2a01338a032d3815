#pragma once
// The field tables of a pool's protections; they read into the very structs that core decides by. Immutable, any
// thread.

#include <string>
#include <string_view>
#include <vector>

#include "edge/core/pool/health_check.h"
#include "edge/core/protect/adaptive_limit.h"
#include "edge/core/protect/breaker.h"
#include "edge/core/protect/ejection.h"
#include "edge/core/protect/overload.h"
#include "edge/core/protect/retry.h"
#include "edge/load/config.h"
#include "shared/load/table.h"

namespace edge {

[[nodiscard]] shared::load::Reader<shared::milliseconds> whole_span(shared::Duration least, shared::Duration most);
// Where a number stands in a JSON body: split at the dots.
[[nodiscard]] std::vector<std::string> path_of_number(std::string_view name);
[[nodiscard]] shared::load::Reader<double> share_of();                         // "20%" is 0.2
[[nodiscard]] shared::load::Reader<std::vector<HealthCheck>> health_checks();  // one, or a list
[[nodiscard]] const shared::load::Table<EjectionSettings>& ejection_table();
[[nodiscard]] const shared::load::Table<BreakerSettings>& breaker_table();
[[nodiscard]] const shared::load::Table<RetrySettings>& retry_table();
[[nodiscard]] const shared::load::Table<QueueSettings>& queue_table();
[[nodiscard]] const shared::load::Table<ShedConfig>& shed_table();
[[nodiscard]] const shared::load::Table<AdaptiveSettings>& adaptive_table();

}  // namespace edge
