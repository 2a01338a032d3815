#pragma once
// The thread's FramePool for who takes memory of a std::pmr::memory_resource: so what core/ holds for a connection
// counts towards client.max_memory like all of the others'. What is taken on a thread is given back on it.

#include <cstddef>
#include <memory_resource>

#include "edge/serve/io/frame_pool.h"

namespace edge {

class PoolMemory final : public std::pmr::memory_resource {
 public:
  [[nodiscard]] static PoolMemory& get() {
    static PoolMemory memory;  // it has no state
    return memory;
  }

 private:
  void* do_allocate(std::size_t size, std::size_t /*alignment*/) override {
    return FramePool::of_this_thread().take(size);
  }
  void do_deallocate(void* piece, std::size_t size, std::size_t /*alignment*/) override {
    FramePool::of_this_thread().give_back(piece, size);
  }
  [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }
};

}  // namespace edge
