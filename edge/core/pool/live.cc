#include "edge/core/pool/live.h"

namespace edge {

void Live::reserve(ServerId last) {
  for (std::size_t i = 0; i <= static_cast<std::size_t>(last) / kChunk; ++i) {
    if (!chunks_[i]) chunks_[i] = std::make_unique<Chunk>();
  }
}

void Live::reserve(PoolSlot last) {
  for (std::size_t i = 0; i <= static_cast<std::size_t>(last) / kPoolChunk; ++i) {
    if (!pools_[i]) pools_[i] = std::make_unique<PoolChunk>();
  }
}

void Live::begin_tenancy(ServerId id) {
  ServerLive& cell = server(id);
  cell.in_flight.store(0, std::memory_order_relaxed);
  cell.requests.store(0, std::memory_order_relaxed);
  cell.failures.store(0, std::memory_order_relaxed);
  cell.state.forget();
  cell.response_time.forget();
  cell.breaker.forget();
  cell.failures_in_a_row.store(0, std::memory_order_relaxed);
  cell.breaker_opened.store(0, std::memory_order_relaxed);
  cell.breaker_shadowed.store(0, std::memory_order_relaxed);
  cell.ejections.store(0, std::memory_order_relaxed);
  cell.tenant.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace edge
