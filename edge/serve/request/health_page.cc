#include "edge/serve/request/health_page.h"

#include "edge/core/snapshot/region_health.h"
#include "shared/core/edge_report.h"

namespace edge {

HealthPage health_page(const Snapshot& snapshot, const Live& live) {
  using State = shared::EdgeReport::State;
  const RegionHealth health = regional_health(snapshot, live);
  const bool draining = health.reason == RegionHealth::Reason::draining;
  shared::EdgeReport report;
  report.region = snapshot.settings->identity.region;
  report.state = health.up() ? State::up : draining ? State::draining : State::down;
  if (report.state == State::down) report.reason = name_of(health.reason);
  report.pool = health.pool;
  return {.status = static_cast<std::uint16_t>(report.state == State::down ? 503 : 200), .body = write(report)};
}

}  // namespace edge
