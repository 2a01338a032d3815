#pragma once
// What Control says about the edge: /metrics and /status as text, read from the snapshot, Live and the
// workers' counters. Pure functions of what they are given; Control loop's thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/pool/live.h"
#include "edge/core/snapshot/snapshot.h"
#include "edge/load/build.h"
#include "edge/serve/control/backends.h"
#include "edge/serve/control/discovery.h"
#include "edge/serve/control/operator_words.h"
#include "edge/serve/redis/redis_client.h"
#include "edge/serve/redis/region_limits.h"
#include "edge/serve/redis/session_store.h"
#include "edge/serve/worker/worker.h"
#include "shared/serve/process/process_facts.h"

namespace edge {

class CacheStores;
class Scaling;
class SpanExport;

struct ReportSource {
  const Snapshot& snapshot;
  const Live& live;
  std::span<const Worker* const> workers;
  const Backends* backends = nullptr;
  const Discovery* discovery = nullptr;
  const OperatorWords* words = nullptr;
  const CacheStores* caches = nullptr;
  const Scaling* scaling = nullptr;
  const RedisClient* redis = nullptr;
  const RegionLimits* region_limits = nullptr;
  const SpanExport* spans = nullptr;
  const SessionStore* sessions = nullptr;
  const Built* built = nullptr;  // whose certificates are told
  std::uint64_t access_log_dropped = 0;
  shared::ProcessFacts process;
};

[[nodiscard]] std::string metrics_text(const ReportSource& source);
[[nodiscard]] std::string status_json(const ReportSource& source);

}  // namespace edge
