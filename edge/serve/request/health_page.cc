#include "edge/serve/request/health_page.h"

#include "edge/core/snapshot/region_health.h"

namespace edge {

HealthPage health_page(const Snapshot& snapshot, const Live& live) {
  const RegionHealth health = regional_health(snapshot, live);
  const bool draining = health.reason == RegionHealth::Reason::draining;
  HealthPage page;
  page.status = health.up() || draining ? 200 : 503;
  // Region and pool names are identifiers of the configuration: nothing in them needs escaping.
  page.body = "{\"region\":\"" + snapshot.settings->identity.region + "\",\"state\":\"";
  page.body += health.up() ? "up" : draining ? "draining" : "down";
  page.body += '"';
  if (page.status != 200) page.body += ",\"reason\":\"" + std::string(name_of(health.reason)) + '"';
  if (!health.pool.empty()) page.body += ",\"pool\":\"" + std::string(health.pool) + '"';
  page.body += "}\n";
  return page;
}

}  // namespace edge
