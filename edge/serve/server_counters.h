#pragma once
// What one worker counts of each server, by ServerId. The worker makes the cells when it first meets a server and
// writes them; Control reads what is there and sums over the workers.

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "edge/core/live.h"
#include "shared/core/counter.h"
#include "shared/core/histogram.h"

namespace edge {

struct ServerCounters {
  std::array<shared::Counter, 6> responses;  // by status class; 0: none came
  shared::Counter retries;                   // tries here after another one had failed, hedges too
  shared::Histogram latency;                 // microseconds from the try's beginning to the head of the answer
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
  [[nodiscard]] ServerCounters& of(ServerId id) {
    const auto index = static_cast<std::size_t>(id);
    auto& chunk = chunks_[index / kChunk];
    if (chunk.load(std::memory_order_relaxed) == nullptr) chunk.store(new Chunk, std::memory_order_release);
    auto& cell = (*chunk.load(std::memory_order_relaxed))[index % kChunk];
    ServerCounters* counters = cell.load(std::memory_order_relaxed);
    if (counters == nullptr) {
      counters = owned_.emplace_back(std::make_unique<ServerCounters>()).get();
      cell.store(counters, std::memory_order_release);
    }
    return *counters;
  }
  // Any thread; null: this worker has not met it.
  [[nodiscard]] const ServerCounters* find(ServerId id) const {
    const auto index = static_cast<std::size_t>(id);
    const Chunk* chunk = chunks_[index / kChunk].load(std::memory_order_acquire);
    return chunk == nullptr ? nullptr : (*chunk)[index % kChunk].load(std::memory_order_acquire);
  }

 private:
  static constexpr std::size_t kChunk = Live::kChunk;
  using Chunk = std::array<std::atomic<ServerCounters*>, kChunk>;
  std::array<std::atomic<Chunk*>, Live::kMaxServers / kChunk> chunks_{};
  std::vector<std::unique_ptr<ServerCounters>> owned_;
};

}  // namespace edge
