#pragma once
// LargePageVector: a vector for tables of megabytes that are read at random. From one large page (2 MiB) on, its memory
// is aligned to them and the kernel is asked for them, which spares most of the walks through page tables; smaller ones
// come from the heap as ever. A kernel that has none to give, or is told never to (transparent_hugepage), gives small
// pages: nothing fails. Memory is counted in large pages then: up to 2 MiB more than the size. Any thread.

#include <cstddef>
#include <new>
#include <vector>

namespace shared {

inline constexpr std::size_t kLargePage = std::size_t{2} << 20;

// Octets; at least kLargePage. Throws std::bad_alloc.
[[nodiscard]] void* allocate_large_pages(std::size_t size);
void free_large_pages(void* at) noexcept;

template <class T>
class LargePageAllocator {
 public:
  using value_type = T;

  LargePageAllocator() = default;
  template <class Other>
  LargePageAllocator(const LargePageAllocator<Other>& /*other*/) {}  // NOLINT(google-explicit-constructor): rebinding

  [[nodiscard]] T* allocate(std::size_t count) {
    const std::size_t size = count * sizeof(T);  // no overflow: vector asks for at most max_size()
    if (size < kLargePage) return static_cast<T*>(::operator new(size, std::align_val_t{alignof(T)}));
    return static_cast<T*>(allocate_large_pages(size));
  }
  void deallocate(T* at, std::size_t count) noexcept {
    if (count * sizeof(T) < kLargePage) return ::operator delete(at, std::align_val_t{alignof(T)});
    free_large_pages(at);
  }

  friend bool operator==(LargePageAllocator, LargePageAllocator) { return true; }
};

template <class T>
using LargePageVector = std::vector<T, LargePageAllocator<T>>;

}  // namespace shared
