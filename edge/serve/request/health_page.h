#pragma once
// The page that the DNS tier probes on the edge's own listener: the truth about the region, as an EdgeReport. 200 while
// clients may come (also while draining: the state says so), 503 when the region is down here. Pure over its arguments.

#include <cstdint>
#include <string>
#include <string_view>

#include "edge/core/pool/live.h"
#include "edge/core/snapshot/snapshot.h"

namespace edge {

struct HealthPage {
  std::uint16_t status = 200;
  std::string body;  // shared/core/edge_report.h
};

[[nodiscard]] HealthPage health_page(const Snapshot& snapshot, const Live& live);

}  // namespace edge
