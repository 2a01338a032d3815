#pragma once
// What one worker counts of each server, by ServerId. The worker makes the cells when it first meets a server and
// writes them; Control reads what is there and sums over the workers. An id can go to another server: the tenant in
// Live says whose counts these are, and the worker begins at zero when it first meets the next one.

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "edge/core/pool/live.h"
#include "shared/core/counter.h"
#include "shared/core/histogram.h"

namespace edge {

struct ServerCounters {
  std::array<shared::Counter, 6> responses;  // by status class; 0: none came
  shared::Counter retries;                   // tries here after another one had failed, hedges too
  shared::Histogram latency;                 // microseconds from the try's beginning to the head of the answer
  std::atomic<std::uint32_t> tenant{0};      // of ServerLive

  void begin(std::uint32_t next) {
    for (auto& counter : responses) counter.subtract(counter.read());
    retries.subtract(retries.read());
    latency.clear();
    tenant.store(next, std::memory_order_release);
  }
};

class ServerCounterTable {
 public:
  ServerCounterTable() = default;
  ~ServerCounterTable() {
    for (auto& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
  }
  ServerCounterTable(const ServerCounterTable&) = delete;
  ServerCounterTable& operator=(const ServerCounterTable&) = delete;

  // The worker's own.
  [[nodiscard]] ServerCounters& of(ServerId id, std::uint32_t tenant) {
    const auto index = static_cast<std::size_t>(id);
    auto& chunk = chunks_[index / kChunk];
    if (chunk.load(std::memory_order_relaxed) == nullptr) chunk.store(new Chunk, std::memory_order_release);
    auto& cell = (*chunk.load(std::memory_order_relaxed))[index % kChunk];
    ServerCounters* counters = cell.load(std::memory_order_relaxed);
    if (counters == nullptr) {
      counters = owned_.emplace_back(std::make_unique<ServerCounters>()).get();
      counters->tenant.store(tenant, std::memory_order_relaxed);
      cell.store(counters, std::memory_order_release);
    }
    if (counters->tenant.load(std::memory_order_relaxed) != tenant) counters->begin(tenant);
    return *counters;
  }
  // Any thread; null: this worker has not met it.
  [[nodiscard]] const ServerCounters* find(ServerId id, std::uint32_t tenant) const {
    const auto index = static_cast<std::size_t>(id);
    const Chunk* chunk = chunks_[index / kChunk].load(std::memory_order_acquire);
    if (chunk == nullptr) return nullptr;
    const ServerCounters* counters = (*chunk)[index % kChunk].load(std::memory_order_acquire);
    const bool its = counters != nullptr && counters->tenant.load(std::memory_order_acquire) == tenant;
    return its ? counters : nullptr;
  }

 private:
  static constexpr std::size_t kChunk = Live::kChunk;
  using Chunk = std::array<std::atomic<ServerCounters*>, kChunk>;
  std::array<std::atomic<Chunk*>, Live::kMaxServers / kChunk> chunks_{};
  std::vector<std::unique_ptr<ServerCounters>> owned_;
};

}  // namespace edge
