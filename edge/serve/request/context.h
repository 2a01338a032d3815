#pragma once
// WorkerContext: what a worker has for the requests that it serves: loop, snapshots, Live, counters, connections to
// servers, memory. Requests and clients' connections see this and no Worker, and a test makes one without a thread.
// Owned by a Worker; its thread, but for `counters` and `servers`, which Control reads at any time.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "edge/core/access/credential_cache.h"
#include "edge/core/cache/learned_hints.h"
#include "edge/core/pool/balance.h"
#include "edge/core/pool/live.h"
#include "edge/core/protect/latency_window.h"
#include "edge/core/snapshot/snapshot.h"
#include "edge/serve/account/access_log.h"
#include "edge/serve/account/counters.h"
#include "edge/serve/account/failure_log.h"
#include "edge/serve/account/http_date.h"
#include "edge/serve/account/request_ids.h"
#include "edge/serve/account/server_counters.h"
#include "edge/serve/account/snapshots.h"
#include "edge/serve/cache/desk.h"
#include "edge/serve/files/open_files.h"
#include "edge/serve/io/buffers.h"
#include "edge/serve/io/encoder.h"
#include "edge/serve/io/flow.h"
#include "edge/serve/io/splice.h"
#include "edge/serve/request/password_checker.h"
#include "edge/serve/request/pool_queues.h"
#include "edge/serve/upstream/h2_upstreams.h"
#include "edge/serve/upstream/upstreams.h"
#include "shared/serve/loop/worker_loop.h"

namespace edge {

class CacheFetches;
class CacheStores;
class Mirrors;
class SpanLane;
class SessionStore;

struct ContextSettings {
  std::size_t max_pipes = PipePool::kOpen;
  std::uint64_t seed = 0;  // of the place in each pool's order
  RequestIds::Keys id_keys{};
  const CacheStores* caches = nullptr;  // outlives the context; null: there are none
  SpanLane* spans = nullptr;            // likewise; null: nobody carries them away
  SessionStore* sessions = nullptr;     // likewise
};

struct WorkerContext {
  // `loop` and `live` outlive the context. `lane` may be null: no access log.
  WorkerContext(const ContextSettings& settings, shared::WorkerLoop& loop_in, Live& live_in, AccessLane* lane_in,
                std::shared_ptr<const Snapshot> snapshot, Snapshots::Discard discard);
  ~WorkerContext();
  WorkerContext(const WorkerContext&) = delete;
  WorkerContext& operator=(const WorkerContext&) = delete;

  [[nodiscard]] shared::TimePoint now() const { return loop.now(); }
  // How long this worker's requests to a pool have waited for the head of an answer.
  [[nodiscard]] LatencyWindow& latency_window(PoolSlot pool);
  // What a peak has needed goes back to the kernel; once in a while.
  void sweep();
  // Connections to servers and memory, while nobody uses them.
  void clear();

  shared::WorkerLoop& loop;
  Live& live;
  AccessLane* lane;
  SpanLane* spans;
  Counters counters;
  ServerCounterTable servers;
  Snapshots snapshots;
  Upstreams upstreams;
  WorkPool<ClientBuffers> client_buffers;
  WorkPool<Work> works;
  WorkPool<UpstreamWork> upstream_works;
  PipePool pipes;
  Scratch scratch;
  Encoders encoders;
  BalanceState balance;
  H2Upstreams h2_upstreams;
  RequestIds request_ids;
  HttpDate http_date;
  FailureLog failures;
  PoolQueues queues;
  CredentialCache credentials;
  PasswordChecker passwords;
  std::vector<LatencyWindow> latencies;  // by PoolSlot
  OpenFiles files;
  DiskThread stored_files;  // reads those of caches
  LearnedHints hints;
  const CacheStores* caches;
  SessionStore* sessions;
  CacheDesk desk;
  std::unique_ptr<CacheFetches> fetches;  // those for the caches; before the desk is gone
  std::unique_ptr<Mirrors> mirrors;       // copies of requests that are out
};

}  // namespace edge
