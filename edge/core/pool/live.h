#pragma once
// Live: the little that must be true across workers and reloads, as flat process-wide arrays of atomics. Owned by
// Control, indexed by ids that are stable by name (see server_ids.h) and outlive every snapshot; health lives here and
// not in the snapshot, so that a server that goes down is skipped at the next pick without building or publishing
// anything. Any thread reads and writes the atomics; only the Builder calls reserve() and begin_tenancy(), before it
// publishes a snapshot that uses the new ids (the publication orders that write before the workers' reads).

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "edge/core/pool/pool_live.h"
#include "edge/core/protect/breaker.h"
#include "edge/core/protect/eligibility.h"
#include "edge/core/protect/response_time.h"

namespace edge {

// A server of a pool: "web/10.0.1.10:8080" keeps its id over reloads.
enum class ServerId : std::uint32_t {};

struct alignas(64) ServerLive {
  std::atomic<std::uint32_t> in_flight{0};  // requests that wait for, or read, this server's answer
  std::atomic<std::uint32_t> tenant{0};     // counts the names that have had this id
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> failures{0};  // connect errors, resets, timeouts, bad responses
  ServerState state;                       // may it be picked
  ResponseTime response_time;              // to the first byte of an answer; an error counts as slow
  Breaker breaker;
  std::atomic<std::uint32_t> failures_in_a_row{0};
  std::atomic<std::uint64_t> breaker_opened{0};
  std::atomic<std::uint64_t> breaker_shadowed{0};  // requests that an enforcing breaker would have kept away
  std::atomic<std::uint64_t> ejections{0};         // in shadow mode: those that would have been
};

class Live {
 public:
  static constexpr std::size_t kChunk = 256;
  static constexpr std::size_t kMaxServers = 64 * kChunk;
  static constexpr std::size_t kPoolChunk = 64;
  static constexpr std::size_t kMaxPools = 64 * kPoolChunk;

  Live() { reserve(PoolSlot{0}); }

  // Builder only: makes the cells up to and including `last` exist. REQUIRES: last < kMaxServers.
  void reserve(ServerId last);

  // Builder only: the id has gone to another name, all begins anew. REQUIRES: no snapshot with the old one is left.
  void begin_tenancy(ServerId id);

  // The first chunk of pools is always there.
  void reserve(PoolSlot last);
  [[nodiscard]] PoolLive& pool(PoolSlot slot) {
    return (*pools_[static_cast<std::size_t>(slot) / kPoolChunk])[static_cast<std::size_t>(slot) % kPoolChunk];
  }
  [[nodiscard]] const PoolLive& pool(PoolSlot slot) const {
    return (*pools_[static_cast<std::size_t>(slot) / kPoolChunk])[static_cast<std::size_t>(slot) % kPoolChunk];
  }

  // REQUIRES: reserved.
  [[nodiscard]] ServerLive& server(ServerId id) {
    return (*chunks_[static_cast<std::size_t>(id) / kChunk])[static_cast<std::size_t>(id) % kChunk];
  }
  [[nodiscard]] const ServerLive& server(ServerId id) const {
    return (*chunks_[static_cast<std::size_t>(id) / kChunk])[static_cast<std::size_t>(id) % kChunk];
  }

  std::atomic<bool> draining{false};  // this process is on its way out, or an operator said so

 private:
  using Chunk = std::array<ServerLive, kChunk>;
  std::array<std::unique_ptr<Chunk>, kMaxServers / kChunk> chunks_;
  using PoolChunk = std::array<PoolLive, kPoolChunk>;
  std::array<std::unique_ptr<PoolChunk>, kMaxPools / kPoolChunk> pools_;
};

}  // namespace edge
