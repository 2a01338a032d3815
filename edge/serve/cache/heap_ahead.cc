#include "edge/serve/cache/heap_ahead.h"

#include <cstdlib>

namespace edge {
namespace {

thread_local std::size_t taken = 0;

}  // namespace

// A piece that is small enough for the heap (M_MMAP_THRESHOLD) and to stay there when it is free (M_TRIM_THRESHOLD).
void grow_heap_ahead(std::size_t octets) {
  taken += octets;
  if (taken < kHeapStep / 2) return;  // before the last piece is used up: what is counted is not quite what is taken
  taken = 0;
  void* volatile piece = std::malloc(kHeapStep);  // NOLINT(*-no-malloc): the heap itself is meant
  std::free(piece);                               // NOLINT(*-no-malloc)
}

}  // namespace edge
