#pragma once
// grow_heap_ahead(): the heap of a thread that is not the first one grows page by page, each time with an mprotect(2),
// which M_TOP_PAD does not change (glibc's grow_heap()). What stores much and frees little would make one for every few
// entries; so the heap is made to grow by more at a time. Any thread, of its own heap.

#include <cstddef>

namespace edge {

// Octets that the calling thread has taken to keep.
void grow_heap_ahead(std::size_t octets);

inline constexpr std::size_t kHeapStep = 96 * 1024;

}  // namespace edge
