#include "edge/serve/request/context.h"

#include <utility>

#include "edge/serve/request/cache_fetch.h"
#include "edge/serve/request/mirror.h"

namespace edge {
namespace {

void set_gauge(shared::Counter& gauge, std::uint64_t value) { gauge.add(value - gauge.read()); }

}  // namespace

WorkerContext::WorkerContext(const ContextSettings& settings, shared::WorkerLoop& loop_in, Live& live_in,
                             AccessLane* lane_in, std::shared_ptr<const Snapshot> snapshot, Snapshots::Discard discard)
    : loop(loop_in),
      live(live_in),
      lane(lane_in),
      spans(settings.spans),
      snapshots(std::move(snapshot), std::move(discard)),
      upstreams(loop, counters),
      pipes(settings.max_pipes),
      balance(static_cast<std::uint32_t>(settings.seed)),
      h2_upstreams(loop, upstreams, counters, balance),
      request_ids(settings.id_keys),
      queues(loop),
      passwords(loop),
      files(loop),
      stored_files(loop),
      caches(settings.caches),
      sessions(settings.sessions),
      desk(loop_in),
      fetches(std::make_unique<CacheFetches>(*this)),
      mirrors(std::make_unique<Mirrors>(*this, settings.seed)) {}

WorkerContext::~WorkerContext() = default;

LatencyWindow& WorkerContext::latency_window(PoolSlot pool) {
  const auto index = static_cast<std::size_t>(pool);
  if (index >= latencies.size()) latencies.resize(index + 1);
  return latencies[index];
}

void WorkerContext::sweep() {
  client_buffers.sweep();
  works.sweep();
  upstream_works.sweep();
  encoders.sweep();
  FramePool& memory = FramePool::of_this_thread();
  memory.sweep();
  set_gauge(counters.memory_used, memory.used());
  set_gauge(counters.memory_mapped, memory.mapped());
}

void WorkerContext::clear() {
  mirrors->clear();
  fetches->clear();
  client_buffers.clear();
  works.clear();
  upstream_works.clear();
  upstreams.close_idle();
  files.clear();
  h2_upstreams.close();
}

}  // namespace edge
