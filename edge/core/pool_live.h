#pragma once
// PoolLive: what is true of a whole pool across workers and reloads. Part of Live, under the same rules.

#include <atomic>
#include <cstdint>

namespace edge {

// A pool keeps its slot by name over reloads.
enum class PoolSlot : std::uint32_t {};

struct alignas(64) PoolLive {
  std::atomic<std::uint32_t> in_flight{0};  // of all its servers; counted only where the pool bounds its load
};

}  // namespace edge
