#pragma once
// FramePool: memory of finished coroutines and exchanges, for the next ones of the same thread. A request's coroutine
// is larger than what malloc serves from its quick lists, and every request needs one. By size classes; a worker keeps
// what its busiest moment needed, up to kKept of a class, and frees it when its thread ends. Under AddressSanitizer
// every frame comes from the heap, so that a use after the end is found.

#include <array>
#include <cstddef>

namespace edge {

class FramePool {
 public:
  FramePool() = default;
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;
  ~FramePool();

  [[nodiscard]] void* take(std::size_t size);
  void give_back(void* frame, std::size_t size) noexcept;  // REQUIRES: from take(size)

  [[nodiscard]] static FramePool& of_this_thread();

 private:
  static constexpr std::size_t kStep = 64;      // octets between classes
  static constexpr std::size_t kClasses = 128;  // larger frames come from the heap
  static constexpr std::size_t kKept = 1024;    // of one class

  struct Free {
    Free* next;
  };
  struct Class {
    Free* first = nullptr;
    std::size_t count = 0;
  };
  std::array<Class, kClasses> classes_{};
};

}  // namespace edge
